"""Four threads map without pause, and submit; in the midst of it the process forks, again and again, and every child maps."""

import os
import sys
import threading

from checks import check_child, check_map, live

import lightwork as lw

pool = lw.Pool(2)
is_over = threading.Event()


def hammer() -> None:
    """Map and submit until it is over."""
    while not is_over.is_set():
        check_map(100_000)
        pool.submit(int).result()


hammers = [threading.Thread(target=hammer) for _ in range(4)]
for thread in hammers:
    thread.start()
try:
    for _ in range(int(sys.argv[1])):
        child = os.fork()
        live(child)
        check_child(child)
finally:
    is_over.set()
    for thread in hammers:
        thread.join()
check_map()
