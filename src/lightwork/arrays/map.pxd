"""The front door of ufuncs, for what stands beside ``chunked_map``."""

cimport numpy as cnp

# What fn(*arrays, out=out, dtype=dtype, where=where) returns, `ufunc` being fn or the ufunc inside it. `where` is None or a mask, an exact array of
# bool, and then `out` is not None. Zeros mean: as is best.
cdef object map_ufunc(object fn, cnp.ufunc ufunc, tuple arrays, object out, object dtype, cnp.ndarray where, Py_ssize_t grain, int n_workers)
