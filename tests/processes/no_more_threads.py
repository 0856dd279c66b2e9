"""Where the system gives no thread, a map runs in the caller alone; a pool says so."""

import threading

import numpy as np
from checks import check_map

import lightwork as lw


def refuse(self: threading.Thread) -> None:
    """Do as the system does."""
    raise RuntimeError("can't start new thread")


start = threading.Thread.start
threading.Thread.start = refuse  # type: ignore[method-assign]
check_map()
assert lw.statistics().n_threads == 0
try:
    lw.Pool(2).submit(int)
except RuntimeError as error:
    assert "thread" in str(error)
else:
    raise AssertionError("a task was taken that nobody can run")
threading.Thread.start = start  # type: ignore[method-assign]
check_map()
assert lw.statistics().n_threads == 1
assert lw.Pool(2).submit(int, np.str_("7")).result() == 7
