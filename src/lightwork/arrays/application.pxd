"""Elementwise functions, applied to arrays, for ``chunked_map`` and what stands beside it."""

cimport numpy as cnp

from lightwork._core.loop cimport Loop

# What fn(*arrays, out=out, dtype=dtype, where=where) returns, `ufunc` being fn or the ufunc inside it. `where` is None or a mask, an exact array of
# bool, and then `out` is not None. Zeros mean: as is best.
cdef object map_ufunc(object fn, cnp.ufunc ufunc, tuple arrays, object out, object dtype, cnp.ndarray where, Py_ssize_t grain, int n_workers)

# The same for a C function.
cdef object map_c_function(Loop loop, tuple arrays, object out, object dtype, Py_ssize_t grain, int n_workers)
