"""Sums with NumPy's bits: its tree over a line, and its buffers where items are cast first."""

cimport numpy as cnp

from lightwork._core.job cimport Body
from lightwork._core.loop cimport BoundLoop, Loop, npy_intp
from lightwork._core.pairwise cimport Tree
from lightwork._core.line cimport Line

cdef enum:
    MAX_LEAF = 8192          # items: a leaf's scratch stays in the cache, and joining leaves costs a hundredth of adding them
    MAX_ITEM = 32            # bytes

# What every body over leaves begins with. `sums` has one for each leaf.
cdef struct Summing:
    BoundLoop add
    Line line
    Tree tree
    char* sums
    npy_intp itemsize        # of a sum
    char nothing[MAX_ITEM]   # -0.0, which added to a sum changes no bit of it

cdef int begin_summing(Summing* summing, Loop add, Line* line, Py_ssize_t max_leaf) except -1
cdef int add_leaf(Summing* summing, Py_ssize_t leaf, char* first, npy_intp stride, Py_ssize_t n_items) noexcept nogil
cdef cnp.ndarray run_summing(Summing* summing, Loop add, Body body, void* context, int n_workers, int* flags)
