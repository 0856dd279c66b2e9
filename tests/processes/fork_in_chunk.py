"""A chunk forks, in the thread that called or in a worker's; the child maps on workers of its own, the parent goes on."""

import os
import sys
import threading

import numpy as np
from checks import check_child, check_map, live

import lightwork as lw

forks_in_main = sys.argv[1] == "caller"
barrier = threading.Barrier(2)


def fork_once(chunk: np.ndarray, out: np.ndarray) -> None:
    """Meet the other worker, then fork in one of the two."""
    barrier.wait(10)
    if (threading.current_thread() is threading.main_thread()) == forks_in_main:
        child = os.fork()
        live(child)
        check_child(child)
    np.add(chunk, 1, out=out)


for _ in range(5):
    out = np.zeros(2)
    lw.chunked_map(fork_once, np.arange(2.0), out=out, chunk_size=1, workers=2)
    np.testing.assert_array_equal(out, [1, 2])
check_map()
