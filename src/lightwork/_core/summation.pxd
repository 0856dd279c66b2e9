"""Sums with NumPy's bits: leaves that NumPy's own loop adds, joined in NumPy's order."""

cimport numpy as cnp

from lightwork._core.job cimport Body
from lightwork._core.line cimport Line
from lightwork._core.loop cimport BoundLoop, Loop, npy_intp
from lightwork._core.pairwise cimport Tree

cdef enum:
    MAX_ITEM = 32            # bytes

# In which order NumPy adds a line of numbers.
cdef enum Order:
    TREE                     # pairwise from end to end
    BUFFERS                  # one buffer after the other, each pairwise
    OTHER                    # in a way that is not known here

# What every body over leaves begins with. `sums` has one for each leaf.
cdef struct Summing:
    BoundLoop add
    Line line
    Order order              # TREE or BUFFERS
    Tree tree
    Py_ssize_t buffer_size   # items that NumPy casts, or before 2.3 adds, at a time
    Py_ssize_t max_leaf      # items
    char* sums
    npy_intp itemsize        # of a sum
    char nothing[MAX_ITEM]   # -0.0, which added to a sum changes no bit of it

cdef int begin_summing(Summing* summing, Loop add, Line* line, Order order, Py_ssize_t max_leaf) except -1
cdef Py_ssize_t count_leaves(Summing* summing) noexcept nogil
cdef void find_leaf(Summing* summing, Py_ssize_t leaf, Py_ssize_t* start, Py_ssize_t* stop) noexcept nogil
cdef int add_leaf(Summing* summing, Py_ssize_t leaf, char* first, npy_intp stride, Py_ssize_t n_items) noexcept nogil
cdef int join_leaves(Summing* summing) noexcept nogil
cdef cnp.ndarray run_summing(Summing* summing, Loop add, Body body, void* context, int n_workers, int* flags)
cdef Order order_of(cnp.dtype dtype) except *
