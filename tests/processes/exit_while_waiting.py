"""A program that exits while daemon threads wait for helpers that will never be done, and takes its time after the interpreter is gone."""

import threading
import time

import numpy as np
from checks import linger

import lightwork as lw

N_CALLERS = 6
everybody = threading.Barrier(N_CALLERS + 1)
for_ever = threading.Event()


def meet(chunk: np.ndarray) -> np.ndarray:
    """Wait for the other workers, so that there are as many."""
    everybody.wait()
    return chunk


def call() -> None:
    """Map in two chunks, the helper's of which does not end."""
    begun = threading.Event()

    def stay(chunk: np.ndarray) -> np.ndarray:
        if chunk[0] == 1:
            begun.set()
            for_ever.wait()
        begun.wait()
        in_chunks.release()
        return chunk

    lw.chunked_map(stay, np.arange(2), chunk_size=1, workers=2)


in_chunks = threading.Semaphore(0)
lw.chunked_map(meet, np.arange(N_CALLERS + 1), chunk_size=1, workers=N_CALLERS + 1)
for _ in range(N_CALLERS):
    threading.Thread(target=call, daemon=True).start()
    in_chunks.acquire()
    time.sleep(0.008)  # each looks for signals every 50 ms, and some of them shall do so when there is no interpreter any more

linger()
