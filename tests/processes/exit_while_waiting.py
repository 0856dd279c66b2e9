"""A program that exits while daemon threads wait for helpers that will never be done, and takes its time after the interpreter is gone."""

import ctypes
import os
import subprocess
import threading
import time

import numpy as np

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

# What Py_AtExit registers is called after that: here, reading until another process ends, and with it the input.
end_of_input = os.pipe()
subprocess.Popen(["sleep", "0.3"], stdout=end_of_input[1])
os.dup2(end_of_input[0], 0)
os.close(end_of_input[1])
assert ctypes.pythonapi.Py_AtExit(ctypes.cast(ctypes.CDLL(None)["getchar"], ctypes.c_void_p)) == 0
