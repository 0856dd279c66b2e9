"""Sums with NumPy's bits: leaves that NumPy's own loop adds, joined in NumPy's order.

A line of numbers is added in a tree, from end to end. Where items have to be cast, NumPy fills one buffer after the other, adds each in a tree of its
own, and the buffers' sums in order; before 2.3 it does so with every line.
"""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from libc.string cimport memcpy

from lightwork._core.atomics cimport now_ns
from lightwork._core.cache cimport Cache
from lightwork._core.cast cimport Cast, find_cast
from lightwork._core.flags cimport report_flags
from lightwork._core.job cimport FE_ALL_EXCEPT, Body, feclearexcept, fetestexcept
from lightwork._core.line cimport Line, find_line
from lightwork._core.loop cimport Loop, bound_call, loop_bind, loop_learn, npy_intp
from lightwork._core.pairwise cimport tree_cut, tree_join, tree_leaf, tree_n_leaves
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.reduction cimport choose_reduction_grain, find_reduction

cnp.import_array()

cdef enum:
    MAX_LEAF = 8192          # items: joining leaves costs a hundredth of adding them

cdef object add = np.add


# --- Leaves ---------------------------------------------------------------------------------------------------------

cdef int begin_summing(Summing* summing, Loop add, Line* line, Order order, Py_ssize_t max_leaf) except -1:
    """Cut a line into leaves; `add` is the loop of the sums' dtype."""
    cdef cnp.dtype dtype = add.dtypes[0]
    cdef cnp.ndarray nothing = np.array(-0.0, dtype)
    summing.add = loop_bind(add)
    summing.line = line[0]
    summing.order = order
    summing.tree = tree_cut(line.n_items, 2 if dtype.kind == "c" else 1, max_leaf)
    summing.buffer_size = np.getbufsize()
    summing.max_leaf = summing.buffer_size if order == BUFFERS else max_leaf
    summing.itemsize = dtype.itemsize
    if dtype.kind == "c":
        nothing.imag = -0.0
    memcpy(summing.nothing, cnp.PyArray_BYTES(nothing), dtype.itemsize)
    return 0


cdef Py_ssize_t count_leaves(Summing* summing) noexcept nogil:
    return tree_n_leaves(&summing.tree) if summing.order == TREE else count_chunks(summing.line.n_items, summing.buffer_size)


cdef void find_leaf(Summing* summing, Py_ssize_t leaf, Py_ssize_t* start, Py_ssize_t* stop) noexcept nogil:
    if summing.order == TREE:
        tree_leaf(&summing.tree, leaf, start, stop)
    else:
        start[0] = leaf * summing.buffer_size
        stop[0] = min(start[0] + summing.buffer_size, summing.line.n_items)


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


cdef int join_buffers(Summing* summing) noexcept nogil:
    """Add the buffers' sums in order into the first."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    cdef Py_ssize_t i
    strides[0] = strides[1] = strides[2] = summing.itemsize  # of one item each: not a reduction
    data[0] = data[2] = summing.sums
    for i in range(1, count_leaves(summing)):
        data[1] = summing.sums + i * summing.itemsize
        if bound_call(&summing.add, data, 1, strides):
            return 1
    return 0


cdef int join_leaves(Summing* summing) noexcept nogil:
    """Join the sums as NumPy does; the flags that this raises."""
    feclearexcept(FE_ALL_EXCEPT)
    if summing.order == TREE:
        tree_join(&summing.tree, &summing.add, summing.sums, summing.itemsize)
    else:
        join_buffers(summing)
    return fetestexcept(FE_ALL_EXCEPT)


cdef cnp.ndarray run_summing(Summing* summing, Loop add, Body body, void* context, int n_workers, int* flags):
    """Run a body over the leaves and join them: an array of one item, and the flags that were raised."""
    cdef Region region
    cdef Py_ssize_t n_leaves = count_leaves(summing)
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


# --- Items as they are ----------------------------------------------------------------------------------------------

cdef int add_leaves(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body where items are added as they are."""
    cdef Summing* summing = <Summing*> context
    cdef Py_ssize_t leaf, first, last
    for leaf in range(start, stop):
        find_leaf(summing, leaf, &first, &last)
        if add_leaf(summing, leaf, summing.line.data + first * summing.line.stride, summing.line.stride, last - first):
            return 1
    return 0


cdef cnp.ndarray sum_in_order(Loop loop, Line* line, Order order, int n_workers):
    cdef Summing summing
    cdef int flags = 0
    begin_summing(&summing, loop, line, order, MAX_LEAF)
    total = run_summing(&summing, loop, add_leaves, &summing, n_workers, &flags)
    report_flags("reduce", flags)
    return total


def sum_line(cnp.ndarray array, int n_workers=0):
    """
    Add up a whole array of inexact items in their own dtype, as NumPy does.

    Parameters
    ----------
    array : ndarray
        What is added, in memory order.
    n_workers : int
        0 for the default.

    Returns
    -------
    ndarray or None
        Of one item. None where NumPy has to do it: for items that no single stride walks, and dtypes whose order is not known here.
    """
    cdef Line line
    cdef Loop loop = find_reduction(add, array.dtype, array.dtype)
    if loop is None or loop.dtypes[0] != array.dtype or not find_line(array, &line):
        return None
    order = order_of(array.dtype)
    return None if order == OTHER else sum_in_order(loop, &line, order, n_workers)


# --- Items that are cast --------------------------------------------------------------------------------------------

cdef struct Casting:
    Summing summing
    Cast* cast
    char* scratch             # a buffer for each worker


cdef int add_buffers(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body where items are cast; a leaf is a buffer."""
    cdef Casting* casting = <Casting*> context
    cdef Summing* summing = &casting.summing
    cdef char* buffer = casting.scratch + worker * summing.buffer_size * summing.itemsize
    cdef Py_ssize_t leaf, first, last
    for leaf in range(start, stop):
        find_leaf(summing, leaf, &first, &last)
        casting.cast(summing.line.data + first * summing.line.stride, summing.line.stride, buffer, last - first)
        if add_leaf(summing, leaf, buffer, summing.itemsize, last - first):
            return 1
    return 0


def sum_cast(cnp.ndarray array, cnp.dtype wanted, int n_workers=0):
    """
    Add up a whole array in another dtype than its own, as NumPy does: buffer by buffer.

    Parameters
    ----------
    array : ndarray
        What is added, in memory order.
    wanted : dtype
        In which to add.
    n_workers : int
        0 for the default.

    Returns
    -------
    ndarray or None
        Of one item. None where NumPy has to do it: for items that no single stride walks, and casts that lose something or are seldom.
    """
    cdef Casting casting
    cdef Line line
    cdef int flags = 0
    cdef cnp.ndarray scratch
    cdef Loop loop = find_reduction(add, array.dtype, wanted)
    if loop is None or loop.dtypes[0] != wanted or not find_line(array, &line):
        return None
    casting.cast = find_cast(ord(array.dtype.char), ord(wanted.char)) if np.can_cast(array.dtype, wanted, "safe") else NULL
    if casting.cast == NULL:
        return None
    n_workers = n_workers if n_workers > 0 else default_workers(home_pool())
    begin_summing(&casting.summing, loop, &line, BUFFERS, MAX_LEAF)
    scratch = np.empty(n_workers * casting.summing.buffer_size, wanted)
    casting.scratch = cnp.PyArray_BYTES(scratch)
    total = run_summing(&casting.summing, loop, add_buffers, &casting, n_workers, &flags)
    report_flags("reduce", flags)
    return total


# --- Which order is NumPy's -----------------------------------------------------------------------------------------

cdef Cache known_orders = Cache.__new__(Cache)


cdef bint agrees(cnp.ndarray sample, Order order) except *:
    """Whether an order gives NumPy's bits; any other has other roundings."""
    cdef Line line
    cdef Loop loop = find_reduction(add, sample.dtype, sample.dtype)
    return loop is not None and find_line(sample, &line) and sum_in_order(loop, &line, order, 1)[0] == add.reduce(sample)


cdef Order find_order(cnp.dtype dtype) except *:
    """Try them out on numbers that no order adds without rounding."""
    sample = np.sin(np.arange(1.0, 6 * MAX_LEAF + 20) ** 2).astype(dtype) / (<object> dtype).type(3)  # so that every bit is in use
    if dtype.kind == "c":
        sample.imag = sample.real[::-1]
    samples = [sample, sample[1:], sample[::2], sample[1::2], sample[::-1], sample[:MAX_LEAF + 1], sample[:3 * MAX_LEAF]]
    for order in (TREE, BUFFERS):
        if all([agrees(part, order) for part in samples]):
            return order
    return OTHER


cdef Order order_of(cnp.dtype dtype) except *:
    """The order of float32, float64, longdouble and their complex numbers, found out once; others are not added in one tree."""
    if dtype.char not in "fdgFDG":
        return OTHER
    known = known_orders.get(dtype.char)
    return known_orders.keep(dtype.char, find_order(dtype)) if known is ... else known


def order_name(dtype):
    """
    Tell in which order the installed NumPy adds a line of numbers.

    Parameters
    ----------
    dtype : dtype
        Of the numbers.

    Returns
    -------
    str
        ``"tree"``, ``"buffers"``, or ``"other"``: then NumPy itself adds all items of such an array, on one core, and every result still
        has its bits.
    """
    return {TREE: "tree", BUFFERS: "buffers"}.get(order_of(dtype), "other")
