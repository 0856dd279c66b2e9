"""A task forks; the child maps, submits to the pool that it inherited, and leaves."""

import os

from checks import check_child, check_map, live

import lightwork as lw

pool = lw.Pool(2)


def fork() -> None:
    """Fork twice: a child that maps, and one that submits."""
    child = os.fork()
    live(child)
    check_child(child)
    child = os.fork()
    if not child:
        os._exit(pool.submit(int, "7").result(10) - 7)
    check_child(child)


pool.submit(fork).result()
check_map()
