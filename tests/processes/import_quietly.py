"""Importing starts no thread, loads no other threading runtime, leaves the GIL as it was, and changes no arithmetic."""

import os
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info


def loaded() -> set[str]:
    """Return the names of the libraries that are mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {Path(line.split(maxsplit=5)[5]).name for line in lines if line.count("/")}


threads, libraries, pools = len(os.listdir("/proc/self/task")), loaded(), threadpool_info()
has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()

import lightwork as lw  # noqa: E402 - this is the story

assert callable(lw.parallel_map)  # what is for items is imported only now
assert len(os.listdir("/proc/self/task")) == threads
assert threadpool_info() == pools
new = loaded() - libraries
assert not [name for name in new if name.startswith(("libgomp", "libomp", "libiomp", "libtbb"))], new
assert getattr(sys, "_is_gil_enabled", lambda: True)() == has_gil
assert np.finfo(float).smallest_subnormal > 0

x = np.linspace(0, 1, 1_000_000)
np.testing.assert_array_equal(lw.chunked_map(np.exp, x, workers=2), np.exp(x))
assert getattr(sys, "_is_gil_enabled", lambda: True)() == has_gil
