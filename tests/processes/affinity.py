"""Workers keep to the CPUs of the thread that started them, however often they were put to sleep and woken."""

import os
import threading
import time

import numpy as np

import lightwork as lw

N_WORKERS = 3
allowed = os.sched_getaffinity(0)
barrier = threading.Barrier(N_WORKERS)


def look(chunk: np.ndarray, out: np.ndarray) -> None:
    """Meet all workers and see where one may run."""
    barrier.wait(20)
    assert os.sched_getaffinity(0) == allowed
    out[:] = threading.get_native_id()


for _ in range(200):
    threads = np.zeros(N_WORKERS)
    lw.chunked_map(look, threads, out=threads, chunk_size=1, workers=N_WORKERS)
    assert len(set(threads)) == N_WORKERS
    time.sleep(0.001)  # long enough to fall asleep; if not, it is only no test of waking
