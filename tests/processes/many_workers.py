"""More workers than a pool can have are as many as it can have, whoever asks for them and for whatever function."""

import ctypes
import ctypes.util

import numpy as np

import lightwork as lw

MOST = 1024
ROWS = np.arange(-3000.0, 3000).reshape(6, -1)[:, ::2]  # no pointer and stride walk it, so each worker has an iterator of NumPy's

fabs = ctypes.CDLL(ctypes.util.find_library("m"))["fabs"]
fabs.restype, fabs.argtypes = ctypes.c_double, [ctypes.c_double]


def check_all(workers: int | None = None) -> None:
    """Map every kind of function in three thousand chunks."""
    for x in (ROWS, ROWS.copy()):
        for function in (np.abs, fabs):
            np.testing.assert_array_equal(lw.chunked_map(function, x, chunk_size=1, workers=workers), np.abs(x))
    np.testing.assert_array_equal(lw.chunked_map(abs, ROWS.ravel(), chunk_size=1, workers=workers), np.abs(ROWS.ravel()))


check_all(workers=5 * MOST)
with lw.configure(workers=5 * MOST):
    check_all()
assert lw.statistics().n_threads < MOST
