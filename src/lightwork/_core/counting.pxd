"""Counting items: what is counted, and how many of each kind every worker has seen."""

cimport numpy as cnp
from libc.stdint cimport uint64_t

from lightwork._core.cast cimport Cast
from lightwork._core.job cimport Body
from lightwork._core.line cimport Line
from lightwork._core.loop cimport npy_intp

cdef enum:
    BLOCK = 2048   # items that are cast, or counted, at a time
    GRAIN = 32768  # items: some 30 us

cdef struct Counting:
    Line line
    Cast* cast           # of items to what is counted; NULL: they are that, side by side
    char* scratch        # a block for each worker
    npy_intp itemsize
    npy_intp* counts     # n_counts for each worker
    Py_ssize_t n_counts
    uint64_t mask        # of the bits that count; of count_nonzero


cdef inline char* block_of(Counting* counting, int worker, Py_ssize_t start, Py_ssize_t count) noexcept nogil:
    """Where the items are that are to be counted, cast if they have to be."""
    cdef char* first = counting.line.data + start * counting.line.stride
    cdef char* block = counting.scratch + worker * BLOCK * counting.itemsize
    if counting.cast == NULL:
        return first
    counting.cast(first, counting.line.stride, block, count)
    return block


cdef inline Py_ssize_t mirrored(Counting* counting, Py_ssize_t start) noexcept nogil:
    """
    Where the chunk begins that is counted in the place of the one at `start`: the last one first. So items are read first that the search for the
    extremes has just left in the caches. A chunk has GRAIN items, but for the last one, which so stays the one that has less.
    """
    return (counting.line.n_items - 1) // GRAIN * GRAIN - start


cdef inline npy_intp* counts_of(Counting* counting, int worker) noexcept nogil:
    return counting.counts + worker * counting.n_counts


cdef bint set_items(Counting* counting, cnp.ndarray array, cnp.dtype wanted) except -1
cdef int choose_workers(Counting* counting, int n_workers) except -1
cdef cnp.ndarray run_counting(Counting* counting, void* context, Body body, int n_workers)
