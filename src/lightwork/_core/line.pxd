"""A line: items that a pointer and one stride walk, in the order in which NumPy's reductions do."""

cimport numpy as cnp

from lightwork._core.loop cimport npy_intp

cdef struct Line:
    char* data
    npy_intp stride
    Py_ssize_t n_items

cdef int sort_axes(cnp.ndarray array, int* axes)
cdef bint join_axes(cnp.ndarray array, int* axes, int count, npy_intp* stride, Py_ssize_t* length)
cdef bint find_line(cnp.ndarray array, Line* line)
