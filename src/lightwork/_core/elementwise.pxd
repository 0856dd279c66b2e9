"""Running a loop over arrays on many workers."""

from lightwork._core.loop cimport Loop

cdef object run_elementwise(Loop loop, list operands, list outputs, Py_ssize_t n_items, Py_ssize_t grain, int n_workers)
