"""What a fused function remembers of its calls."""

cimport cython

from lightwork.arrays.evaluation cimport Evaluation

cdef tuple signature(tuple args)
cdef Py_ssize_t count_items(tuple args)


@cython.final
cdef class Memory:
    cdef dict latest           # "stages"
    cdef dict lead             # by signature, how many items are computed in the time that a call takes before its first
    cdef bint is_small(self, tuple key, Py_ssize_t n_items) except -1
    cdef int learn(self, Evaluation evaluation, Py_ssize_t n_entries, tuple key) except -1
