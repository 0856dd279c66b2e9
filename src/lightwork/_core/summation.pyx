"""Sums with NumPy's bits: its tree over a line, and its buffers where items are cast first.

Where items have to be cast, NumPy fills one buffer after the other, adds each pairwise, and the buffers' sums in order.
"""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from libc.string cimport memcpy

from lightwork._core.atomics cimport now_ns
from lightwork._core.cast cimport Cast, find_cast
from lightwork._core.flags cimport report_flags
from lightwork._core.job cimport FE_ALL_EXCEPT, Body, feclearexcept, fetestexcept
from lightwork._core.loop cimport Loop, bound_call, loop_bind, loop_learn, npy_intp
from lightwork._core.pairwise cimport tree_cut, tree_join, tree_leaf, tree_n_leaves
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.reduction cimport choose_reduction_grain, find_reduction
from lightwork._core.line cimport Line, find_line

cnp.import_array()

cdef object add = np.add


# --- The tree -------------------------------------------------------------------------------------------------------

cdef int begin_summing(Summing* summing, Loop add, Line* line, Py_ssize_t max_leaf) except -1:
    """Cut the tree over a line; `add` is the loop of the sums' dtype."""
    cdef cnp.dtype dtype = add.dtypes[0]
    cdef cnp.ndarray nothing = np.array(-0.0, dtype)
    summing.add = loop_bind(add)
    summing.line = line[0]
    summing.tree = tree_cut(line.n_items, 2 if dtype.kind == "c" else 1, max_leaf)
    summing.itemsize = dtype.itemsize
    if dtype.kind == "c":
        nothing.imag = -0.0
    memcpy(summing.nothing, cnp.PyArray_BYTES(nothing), dtype.itemsize)
    return 0


cdef int add_leaf(Summing* summing, Py_ssize_t leaf, char* first, npy_intp stride, Py_ssize_t n_items) noexcept nogil:
    """Let NumPy's loop add up the items of a leaf, wherever they are."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    strides[0] = strides[2] = 0  # by which the loop knows that it is to reduce
    strides[1] = stride
    data[0] = data[2] = summing.sums + leaf * summing.itemsize
    data[1] = first
    memcpy(data[0], summing.nothing, summing.itemsize)
    return bound_call(&summing.add, data, n_items, strides)


cdef int add_leaves(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body where items are added as they are."""
    cdef Summing* summing = <Summing*> context
    cdef Py_ssize_t leaf, first, last
    for leaf in range(start, stop):
        tree_leaf(&summing.tree, leaf, &first, &last)
        if add_leaf(summing, leaf, summing.line.data + first * summing.line.stride, summing.line.stride, last - first):
            return 1
    return 0


cdef int join_leaves(Summing* summing) noexcept nogil:
    """Join the sums as the tree does; the flags that this raises."""
    feclearexcept(FE_ALL_EXCEPT)
    tree_join(&summing.tree, &summing.add, summing.sums, summing.itemsize)
    return fetestexcept(FE_ALL_EXCEPT)


cdef cnp.ndarray run_summing(Summing* summing, Loop add, Body body, void* context, int n_workers, int* flags):
    """Line a body over the leaves and join them: an array of one item, and the flags that were raised."""
    cdef Region region
    cdef Py_ssize_t n_leaves = tree_n_leaves(&summing.tree)
    cdef cnp.ndarray sums = np.empty(n_leaves, add.dtypes[0])
    cdef Py_ssize_t grain = choose_reduction_grain(add, summing.line.n_items, &n_workers)
    summing.sums = cnp.PyArray_BYTES(sums)
    region.body = body
    region.context = context
    region.drop = NULL
    region.n_items = n_leaves
    region.grain = max(1, grain // max(1, summing.line.n_items // n_leaves))
    region.n_workers = n_workers
    region.watches_flags = True
    began = now_ns()
    region_run(&region)
    loop_learn(add, (now_ns() - began) * min(region.n_workers, <int> cpu_budget()), summing.line.n_items)
    flags[0] = region.flags | join_leaves(summing)
    return sums[:1]


def sum_line(cnp.ndarray array, int n_workers=0):
    """
    Add up a whole array of inexact items, as NumPy's tree does.

    Parameters
    ----------
    array : ndarray
        What is added, in memory order, in its own dtype.
    n_workers : int
        0 for the default.

    Returns
    -------
    ndarray or None
        Of one item. None where NumPy has to do it: for items that no single stride walks.
    """
    cdef Summing summing
    cdef Line line
    cdef Loop loop = find_reduction(add, array.dtype, array.dtype)
    cdef int flags = 0
    if loop is None or loop.dtypes[0] != array.dtype or not find_line(array, &line):
        return None
    begin_summing(&summing, loop, &line, MAX_LEAF)
    total = run_summing(&summing, loop, add_leaves, &summing, n_workers, &flags)
    report_flags("reduce", flags)
    return total


# --- Buffers --------------------------------------------------------------------------------------------------------

cdef struct Casting:
    Summing summing
    Cast* cast
    Py_ssize_t buffer_size    # items that NumPy casts at a time
    char* scratch             # a buffer for each worker


cdef int add_buffers(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body where items are cast; a leaf is a buffer."""
    cdef Casting* casting = <Casting*> context
    cdef Summing* summing = &casting.summing
    cdef char* buffer = casting.scratch + worker * casting.buffer_size * summing.itemsize
    cdef Py_ssize_t i, first, count
    for i in range(start, stop):
        first = i * casting.buffer_size
        count = min(casting.buffer_size, summing.line.n_items - first)
        casting.cast(summing.line.data + first * summing.line.stride, summing.line.stride, buffer, count)
        if add_leaf(summing, i, buffer, summing.itemsize, count):
            return 1
    return 0


cdef int join_buffers(Summing* summing, Py_ssize_t n_buffers) noexcept nogil:
    """Add the buffers' sums in order into the first; the flags that this raises."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    cdef Py_ssize_t i
    strides[0] = strides[1] = strides[2] = summing.itemsize  # of one item each: not a reduction
    data[0] = data[2] = summing.sums
    feclearexcept(FE_ALL_EXCEPT)
    for i in range(1, n_buffers):
        data[1] = summing.sums + i * summing.itemsize
        bound_call(&summing.add, data, 1, strides)
    return fetestexcept(FE_ALL_EXCEPT)


cdef cnp.ndarray run_casting(Casting* casting, Loop add, int n_workers):
    cdef Region region
    cdef Summing* summing = &casting.summing
    cdef Py_ssize_t n_buffers = count_chunks(summing.line.n_items, casting.buffer_size)
    cdef Py_ssize_t grain = choose_reduction_grain(add, summing.line.n_items, &n_workers)
    cdef cnp.ndarray sums = np.empty(n_buffers, add.dtypes[0])
    cdef cnp.ndarray scratch = np.empty(n_workers * casting.buffer_size, add.dtypes[0])
    summing.sums = cnp.PyArray_BYTES(sums)
    casting.scratch = cnp.PyArray_BYTES(scratch)
    region.body = add_buffers
    region.context = casting
    region.drop = NULL
    region.n_items = n_buffers
    region.grain = max(1, grain // casting.buffer_size)
    region.n_workers = n_workers
    region.watches_flags = True
    began = now_ns()
    region_run(&region)
    loop_learn(add, (now_ns() - began) * min(region.n_workers, <int> cpu_budget()), summing.line.n_items)
    report_flags("reduce", region.flags | join_buffers(summing, n_buffers))
    return sums[:1]


def sum_cast(cnp.ndarray array, cnp.dtype wanted, int n_workers=0):
    """
    Add up a whole array in another dtype than its own, as NumPy does: buffer by buffer.

    Parameters
    ----------
    array : ndarray
        What is added, in memory order.
    wanted : dtype
        In which to add. Every value of the array's dtype has one in this.
    n_workers : int
        0 for the default.

    Returns
    -------
    ndarray or None
        Of one item. None where NumPy has to do it: for items that no single stride walks, and dtypes that are seldom cast.
    """
    cdef Casting casting
    cdef Line line
    cdef Loop loop = find_reduction(add, array.dtype, wanted)
    if loop is None or loop.dtypes[0] != wanted or not wanted.isnative or not array.dtype.isnative or not find_line(array, &line):
        return None
    casting.cast = find_cast(ord(array.dtype.char), ord(wanted.char)) if np.can_cast(array.dtype, wanted, "safe") else NULL
    if casting.cast == NULL:
        return None
    begin_summing(&casting.summing, loop, &line, MAX_LEAF)
    casting.buffer_size = np.getbufsize()
    return run_casting(&casting, loop, n_workers)


# --- Whether the tree is NumPy's ------------------------------------------------------------------------------------

cdef dict verdicts = {}


cdef bint agrees(cnp.dtype dtype):
    """Whether both ways add up the same numbers to the same bits; any other order would have other roundings."""
    sample = (1 / np.arange(3, 6 * MAX_LEAF + 20)).astype(dtype)
    if dtype.kind == "c":
        sample.imag = sample.real[::-1]
    return all([sum_line(part, 1)[0] == add.reduce(part)
                for part in (sample, sample[::2], sample[:MAX_LEAF + 1])])


def tree_is_numpys(cnp.dtype dtype):
    """
    Tell whether the installed NumPy adds numbers of a dtype as the tree here does, by trying it out once.

    Parameters
    ----------
    dtype : dtype
        Of floating-point or complex numbers.

    Returns
    -------
    bool
        Where it is False, NumPy itself adds such numbers, on one core, and every result still has its bits.
    """
    verdict = (<object> verdicts).get(dtype)
    return (<object> verdicts).setdefault(dtype, agrees(dtype)) if verdict is None else verdict
