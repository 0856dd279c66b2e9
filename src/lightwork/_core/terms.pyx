"""Sums of what is computed from items, leaf by leaf in a scratch that stays in the cache: squared deviations, and items that are numbers.

NumPy makes a temporary array and adds it up; here the same loops make a leaf of it at a time, and the leaves are joined as NumPy adds the
whole. For floats and doubles side by side, a kernel makes and adds the terms without a scratch.
"""

import numpy as np

cimport numpy as cnp
from libc.string cimport memcpy

from lightwork._core.cast cimport Cast, find_cast
from lightwork._core.cache cimport Cache
from lightwork._core.flags cimport are_reported
from lightwork._core.loop cimport BoundLoop, Loop, bound_call, find_ufunc_loop, loop_bind, npy_intp
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.pool_state cimport MAX_WORKERS
from lightwork._core.reduction cimport find_reduction
from lightwork._core.line cimport Line, find_line
from lightwork._core.squares cimport Squares, find_squares
from lightwork._core.summation cimport MAX_ITEM, OTHER, Order, Summing, add_leaf, begin_summing, count_leaves, find_leaf, order_of, run_summing

cnp.import_array()

cdef enum:
    LEAF = 2048     # items: with 16 bytes for each in the nearest cache

cdef struct Terms:
    Summing summing
    Cast* cast                  # of items to the terms' dtype; NULL: they have it
    bint leaves_out_nan         # a NaN counts as zero
    bint is_centred             # squared deviations from `centre`, else the items themselves
    bint is_complex             # of a complex number, the squares of both parts are added
    BoundLoop subtract
    BoundLoop square
    Squares* squares            # does all that for a leaf; NULL: loops do
    char centre[MAX_ITEM]
    npy_intp itemsize           # of a term before it is squared
    char* scratch               # a leaf for each worker
    npy_intp* counts            # of numbers, for each leaf; NULL: not wanted

cdef tuple SAMPLES = (1, 7, 8, 9, 30, 127, 128, 129, 250, 1000, 2047, 2 * LEAF - 1)  # items

ctypedef long double longdouble

ctypedef fused Real:
    float
    double
    longdouble


# --- What a chunk does ----------------------------------------------------------------------------------------------

cdef inline Py_ssize_t copy_numbers(Real* term, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """Copy items with 0 in place of NaN; how many are numbers."""
    cdef Py_ssize_t i, n_numbers = 0
    cdef Real item
    for i in range(count):
        item = (<Real*> (first + i * stride))[0]
        term[i] = item if item == item else 0
        n_numbers += item == item
    return n_numbers


cdef inline void clear_nan(Real* term, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """Set the terms of items that are NaN to 0."""
    cdef Py_ssize_t i
    cdef Real item
    for i in range(count):
        item = (<Real*> (first + i * stride))[0]
        if item != item:
            term[i] = 0


cdef Py_ssize_t copy_leaf(Terms* terms, char* scratch, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    if terms.itemsize == sizeof(float):
        return copy_numbers[float](<float*> scratch, first, stride, count)
    if terms.itemsize == sizeof(double):
        return copy_numbers[double](<double*> scratch, first, stride, count)
    return copy_numbers[longdouble](<longdouble*> scratch, first, stride, count)


cdef void clear_leaf(Terms* terms, char* scratch, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    if terms.itemsize == sizeof(float):
        clear_nan[float](<float*> scratch, first, stride, count)
    elif terms.itemsize == sizeof(double):
        clear_nan[double](<double*> scratch, first, stride, count)
    else:
        clear_nan[longdouble](<longdouble*> scratch, first, stride, count)


cdef int centre_leaf(Terms* terms, char* scratch, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """Squared deviations into the scratch; `first` may be there, too."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    cdef Py_ssize_t n_numbers = 2 * count if terms.is_complex else count
    strides[0], strides[1], strides[2] = stride, 0, terms.itemsize
    data[0], data[1], data[2] = first, terms.centre, scratch
    if bound_call(&terms.subtract, data, count, strides):
        return 1
    if terms.leaves_out_nan:
        clear_leaf(terms, scratch, first, stride, count)
    strides[0] = strides[1] = terms.itemsize // 2 if terms.is_complex else terms.itemsize
    data[0] = data[1] = scratch
    if bound_call(&terms.square, data, n_numbers, strides):
        return 1
    if not terms.is_complex:
        return 0
    data[1] = scratch + terms.itemsize // 2
    data[2] = scratch
    strides[0] = strides[1] = strides[2] = terms.itemsize  # not a reduction
    return bound_call(&terms.summing.add, data, count, strides)


cdef int make_leaf(Terms* terms, Py_ssize_t leaf, char* scratch, char* first, Py_ssize_t count) noexcept nogil:
    """Put the terms of a leaf into the scratch."""
    cdef npy_intp stride = terms.summing.line.stride
    if terms.cast != NULL:
        terms.cast(first, stride, scratch, count)
        first = scratch
        stride = terms.itemsize
    if terms.is_centred:
        return centre_leaf(terms, scratch, first, stride, count)
    terms.counts[leaf] = copy_leaf(terms, scratch, first, stride, count)
    return 0


cdef int add_terms(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body: a leaf of terms after the other, made and added."""
    cdef Terms* terms = <Terms*> context
    cdef Summing* summing = &terms.summing
    cdef char* scratch = terms.scratch + worker * summing.max_leaf * terms.itemsize
    cdef Py_ssize_t leaf, first, last
    cdef char* item
    for leaf in range(start, stop):
        find_leaf(summing, leaf, &first, &last)
        item = summing.line.data + first * summing.line.stride
        if terms.squares != NULL:
            terms.squares(item, last - first, terms.centre, summing.sums + leaf * summing.itemsize)
        elif make_leaf(terms, leaf, scratch, item, last - first) or add_leaf(summing, leaf, scratch, terms.itemsize, last - first):
            return 1
    return 0


# --- Which kernel has NumPy's bits ----------------------------------------------------------------------------------

cdef Cache known_squares = Cache.__new__(Cache)


cdef bint agrees(Squares* squares, cnp.ndarray sample, cnp.ndarray centre):
    """Whether a kernel gives NumPy's bits; another order has other roundings."""
    cdef cnp.ndarray total = np.empty(1, sample.dtype)
    squares(cnp.PyArray_BYTES(sample), sample.size, cnp.PyArray_BYTES(centre), cnp.PyArray_BYTES(total))
    return total[0] == np.add.reduce(np.square(sample - centre))


cdef Squares* squares_of(cnp.dtype dtype, bint leaves_out_nan) except? NULL:
    """The kernel for items of a dtype, tried out once on numbers that no order adds without rounding; NULL where loops have to do it."""
    cdef Squares* squares = find_squares(ord(dtype.char), leaves_out_nan)
    if squares == NULL:
        return NULL
    key = dtype.char, leaves_out_nan
    known = known_squares.get(key)
    if known is ...:
        sample = np.sin(np.arange(1.0, 2 * LEAF) ** 2).astype(dtype)
        size = np.setbufsize(2 * LEAF)  # before 2.3, NumPy adds no more at a time
        try:
            known = known_squares.keep(key, all([agrees(squares, sample[:n], sample[:1]) for n in SAMPLES]))
        finally:
            np.setbufsize(size)
    return squares if known else NULL


def has_kernel(cnp.dtype dtype, bint leaves_out_nan=False):
    """
    Tell whether squared deviations of items side by side are made and added by a kernel.

    Parameters
    ----------
    dtype : dtype
        Of the items.
    leaves_out_nan : bool
        Whether the deviation of a NaN counts as 0.

    Returns
    -------
    bool
        False for dtypes that have none, and if the installed NumPy adds in another order than the kernel: then NumPy's loops do it.
    """
    return squares_of(dtype, leaves_out_nan) != NULL


# --- One call -------------------------------------------------------------------------------------------------------

cdef bint set_loops(Terms* terms, cnp.dtype dtype, cnp.dtype real) except -1:
    """Find how deviations are made and squared; False where NumPy has no such loops."""
    sample = np.empty(0, dtype)
    subtract = find_ufunc_loop(np.subtract, [sample, sample], [None], None)
    square = find_ufunc_loop(np.square, [np.empty(0, real)], [None], None)
    if subtract is None or square is None:
        return False
    terms.subtract = loop_bind(subtract)
    terms.square = loop_bind(square)
    return True


cdef object run_terms(Terms* terms, Loop add, int n_workers):
    """The sum of all terms, an array of one item; None if NumPy has to be asked what it warns of."""
    cdef int flags = 0
    cdef cnp.ndarray scratch
    n_workers = min(n_workers if n_workers > 0 else default_workers(home_pool()), MAX_WORKERS)
    scratch = np.empty(n_workers * terms.summing.max_leaf * terms.itemsize, np.uint8)
    terms.scratch = cnp.PyArray_BYTES(scratch)
    total = run_summing(&terms.summing, add, add_terms, terms, n_workers, &flags)
    return None if are_reported(flags) else total


def sum_deviations(cnp.ndarray array, cnp.ndarray centre, bint leaves_out_nan=False, int n_workers=0):
    """
    Add up the squared deviations of all items from one value, as NumPy does for a variance.

    Parameters
    ----------
    array : ndarray
        Of numbers, which are taken in memory order.
    centre : ndarray
        The value, one item of the dtype in which deviations are computed.
    leaves_out_nan : bool
        Whether the deviation of a NaN counts as 0. For real items of the value's dtype.
    n_workers : int
        0 for the default.

    Returns
    -------
    ndarray or None
        One real item. None where NumPy has to do it: for items that no single stride walks, dtypes of another kind than the value's,
        and floating-point errors of which the caller wants to hear.
    """
    cdef Terms terms
    cdef Line line
    cdef cnp.dtype dtype = centre.dtype
    cdef cnp.dtype real = centre.real.dtype
    cdef Loop add = find_reduction(np.add, real, None)  # not that of plain sums, since terms cost more
    cdef Order order = order_of(real)
    if add is None or order == OTHER or not find_line(array, &line):
        return None
    terms.cast = NULL
    if array.dtype != dtype:
        terms.cast = find_cast(ord(array.dtype.char), ord(dtype.char)) if np.can_cast(array.dtype, dtype, "safe") else NULL
        if terms.cast == NULL:
            return None
    if not set_loops(&terms, dtype, real):
        return None
    begin_summing(&terms.summing, add, &line, order, LEAF)
    terms.leaves_out_nan = leaves_out_nan
    terms.is_centred = True
    terms.is_complex = dtype.kind == "c"
    terms.squares = squares_of(dtype, leaves_out_nan) if terms.cast == NULL and line.stride == dtype.itemsize else NULL
    terms.itemsize = dtype.itemsize
    memcpy(terms.centre, cnp.PyArray_BYTES(centre), dtype.itemsize)
    return run_terms(&terms, add, n_workers)


def sum_numbers(cnp.ndarray array, int n_workers=0):
    """
    Add up all items that are not NaN, as NumPy does with 0 in their place.

    Parameters
    ----------
    array : ndarray
        Of float32, float64 or longdouble, whose items are taken in memory order.
    n_workers : int
        0 for the default.

    Returns
    -------
    tuple of ndarray and int, or None
        One item, and how many are numbers. None where NumPy has to do it: for items that no single stride walks, and floating-point
        errors of which the caller wants to hear.
    """
    cdef Terms terms
    cdef Line line
    cdef Loop add = find_reduction(np.add, array.dtype, None)
    cdef cnp.ndarray counts
    cdef Order order = order_of(array.dtype)
    if add is None or order == OTHER or not find_line(array, &line):
        return None
    begin_summing(&terms.summing, add, &line, order, LEAF)
    counts = np.empty(count_leaves(&terms.summing), np.intp)
    terms.counts = <npy_intp*> cnp.PyArray_DATA(counts)
    terms.cast = NULL
    terms.squares = NULL
    terms.is_centred = False
    terms.itemsize = array.itemsize
    total = run_terms(&terms, add, n_workers)
    return None if total is None else (total, int(counts.sum()))
