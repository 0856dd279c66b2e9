"""Whether a call is worth sharing, and in what pieces."""

from lightwork._core.loop cimport Loop

cdef enum:
    LANES = 64                # chunks begin where vectors do, so that the loop meets the same remainders as in one piece
    BUFFER = 8192             # items that NumPy's iterator casts at a time

cdef bint is_worth_sharing(Loop loop, Py_ssize_t n_items, int n_workers)
cdef Py_ssize_t choose_grain(Loop loop, Py_ssize_t n_items, int n_workers, Py_ssize_t multiple)
cdef bint heeds_this_thread(Loop loop)
