"""The front door of ufuncs, for what stands beside ``chunked_map``."""

cimport numpy as cnp

# What fn(*arrays, out=out, dtype=dtype) returns, `ufunc` being fn or the ufunc inside it. Zeros mean: as is best.
cdef object map_ufunc(object fn, cnp.ufunc ufunc, tuple arrays, object out, object dtype, Py_ssize_t grain, int n_workers)
