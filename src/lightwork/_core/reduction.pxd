"""How a ufunc reduces: its loop for a dtype, and chunks of a line whose results may be joined in any grouping."""

cimport numpy as cnp

from lightwork._core.loop cimport Loop

cdef Loop find_reduction(object ufunc, cnp.dtype given, object wanted)
cdef Py_ssize_t choose_reduction_grain(Loop loop, Py_ssize_t n_items, int* n_workers)
