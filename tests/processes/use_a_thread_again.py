"""Prints how many of 100 pools had a second thread for who submits one call after the other, on one CPU, where a worker waits behind him."""

import os

import lightwork as lw

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def has_one_thread() -> bool:
    """Submit each call when the last one's result is there."""
    with lw.Pool(2) as pool:
        for _ in range(3):
            assert pool.submit(abs, -1).result() == 1
        return len(pool._threads) == 1


print(sum(not has_one_thread() for _ in range(100)))
