"""A multiprocessing pool of forked processes maps while the parent's threads map."""

import multiprocessing
import threading

from checks import check_map

is_over = threading.Event()


def hammer() -> None:
    """Map until it is over."""
    while not is_over.is_set():
        check_map(100_000)


check_map()
hammers = [threading.Thread(target=hammer) for _ in range(4)]
for thread in hammers:
    thread.start()
try:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map_async(check_map, [1_000_000] * 10).get(timeout=40)
finally:
    is_over.set()
    for thread in hammers:
        thread.join()
