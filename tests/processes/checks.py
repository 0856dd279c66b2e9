"""What the stories have in common: a map whose answer is known, a child that must not hang, and threads that are eager to change places."""

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import numpy.testing  # now: a fork must not come upon another thread that imports it

import lightwork as lw

if "eager" in sys._xoptions:
    sys.setswitchinterval(1e-6)


def check_map(n_items: int = 1_000_000, workers: int | None = 2) -> None:
    """Map on more than one thread and compare with NumPy."""
    x = np.arange(n_items, dtype=np.float64)
    np.testing.assert_array_equal(lw.chunked_map(np.sqrt, x, workers=workers), np.sqrt(x))


def seconds_in_line() -> float:
    """Seconds for which threads of this process wanted a CPU that somebody else had, as Linux tells it; so far, and of those there are."""
    in_line = 0.0
    for stat in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            in_line += int(stat.read_text().split()[1]) * 1e-9
    return in_line


def linger() -> None:
    """Have the process go on for a while when the interpreter is gone, so that who touches it then is found out."""
    reading, writing = os.pipe()
    os.posix_spawnp("sleep", ["sleep", "0.2"], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)])  # the input ends with it
    os.dup2(reading, 0)
    os.close(writing)
    getchar = ctypes.cast(ctypes.CDLL(None)["getchar"], ctypes.c_void_p)
    assert ctypes.pythonapi.Py_AtExit(getchar) == 0  # called after the interpreter was deleted


def live(child: int) -> None:
    """Be the forked child: run a large map on a pool of one's own, then leave as a child should."""
    if child:
        return
    status = 1
    try:
        check_map(5_000_000)
        status = 0
    finally:
        os._exit(status)


def check_child(child: int, seconds: float = 10) -> None:
    """Wait for a child, which ends well and in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0, f"the child ended with status {status}"
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGABRT)
    os.waitpid(child, 0)
    raise AssertionError(f"the child was not done after {seconds} seconds")
