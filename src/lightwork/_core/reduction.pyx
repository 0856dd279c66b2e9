"""How a ufunc reduces: its loop for a dtype, and chunks of a line whose results may be joined in any grouping.

A chunk's result begins as its first item, and NumPy's own loop takes the others in. Where the grouping cannot show (a minimum, an integer
sum), the chunks' results are reduced once more, by NumPy.
"""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from lightwork._core.atomics cimport now_ns
from lightwork._core.cache cimport Cache
from lightwork._core.extremes cimport Extremes, find_extremes
from lightwork._core.loop cimport BoundLoop, Loop, bound_call, loop_bind, loop_learn, new_ufunc_loop, npy_intp, type_number
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.pool_state cimport MAX_WORKERS
from lightwork._core.line cimport Line, find_line
from lightwork._core.sharing cimport LANES, choose_grain, is_worth_sharing

cnp.import_array()

cdef enum:
    MAX_LOOPS = 2        # over the same items
    BLOCK = 1024         # items that several loops take in turn while they are in the nearest cache
    ONLY_PLUS = 1        # zeros of which sign a chunk has
    ONLY_MINUS = 2
    BOTH_SIGNS = 3

# Loops by ufunc, the array's dtype and dtype=, and their types' numbers; apart from those of elementwise calls, because an item costs something else.
cdef Cache known_reductions = Cache.__new__(Cache)


# --- Finding loops --------------------------------------------------------------------------------------------------

cdef Loop new_reduction(object ufunc, cnp.dtype given, object wanted):
    try:
        dtypes = ufunc.resolve_dtypes((None, given, None), reduction=True, signature=(wanted, None, None))
        if dtypes[0] != dtypes[1] or dtypes[0] != dtypes[2]:
            return None
        return new_ufunc_loop(ufunc, (dtypes[0], dtypes[0], None), None)
    except (TypeError, ValueError, NotImplementedError):  # NumPy's to raise, with its own words
        return None


cdef Loop find_reduction(object ufunc, cnp.dtype given, object wanted):
    """
    The loop with which NumPy reduces an array of dtype `given`, of one dtype for both operands and the result, which may differ from
    the array's; `wanted` is None or a dtype. None where there is none that runs without the GIL.
    """
    cdef tuple key = (ufunc, given, type_number(given), wanted, type_number(wanted))
    found = known_reductions.get(key)
    return known_reductions.keep(key, new_reduction(ufunc, given, wanted)) if found is ... else found


def reduction_dtype(ufunc, cnp.dtype given, wanted=None):
    """
    Tell in which dtype NumPy reduces.

    Parameters
    ----------
    ufunc : numpy.ufunc
        Of two inputs and one output.
    given, wanted : dtype
        The array's, and what the caller asked for, if anything.

    Returns
    -------
    dtype or None
        None where this takes the GIL, or cannot be done at all.
    """
    cdef Loop loop = find_reduction(ufunc, given, wanted)
    return None if loop is None else loop.dtypes[0]


def worth_sharing_dtype(ufunc, cnp.ndarray array, wanted=None, int n_workers=0):
    """
    Tell in which dtype NumPy reduces an array, if several workers would be sooner done than the caller alone.

    Parameters
    ----------
    ufunc : numpy.ufunc
        Of two inputs and one output.
    array : ndarray
        What is to be reduced.
    wanted : dtype, optional
        What the caller asked for.
    n_workers : int
        0 for the default.

    Returns
    -------
    dtype or None
        None where NumPy should do it, or say why it cannot be done.
    """
    cdef Loop loop = find_reduction(ufunc, array.dtype, wanted)
    if loop is None:
        return None
    computed = loop.dtypes[0]
    loop = find_reduction(ufunc, array.dtype, computed)  # by which costs are known
    n_workers = n_workers if n_workers > 0 else default_workers(home_pool())
    return computed if loop is not None and is_worth_sharing(loop, cnp.PyArray_SIZE(array), n_workers) else None


cdef Py_ssize_t choose_reduction_grain(Loop loop, Py_ssize_t n_items, int* n_workers):
    """Items in a chunk; `n_workers`, 0 for the default, becomes how many are to take part."""
    if n_workers[0] == 0:
        n_workers[0] = default_workers(home_pool())
    n_workers[0] = min(n_workers[0], MAX_WORKERS)
    if not is_worth_sharing(loop, n_items, n_workers[0]):
        n_workers[0] = 1
        return n_items
    return choose_grain(loop, n_items, n_workers[0], LANES)


# --- What a chunk does ----------------------------------------------------------------------------------------------

cdef struct Folding:
    BoundLoop loops[MAX_LOOPS]
    int n_loops
    Extremes* extremes           # does what both loops do; NULL: they do
    Line line
    Py_ssize_t grain
    Py_ssize_t n_chunks
    npy_intp itemsize
    char* results                # of n_loops times n_chunks items
    unsigned char* zeros         # likewise, which signs of zero a chunk has whose result is one; NULL: no matter

ctypedef fused Bits:
    uint16_t
    uint32_t
    uint64_t


cdef inline unsigned char signs_of_zeros(Bits* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """Which signs of zero there are among floating-point numbers, by their bits."""
    cdef Bits minus_zero = (<Bits> 1) << (8 * sizeof(Bits) - 1)
    cdef Bits bits
    cdef unsigned char seen = 0
    cdef Py_ssize_t i
    for i in range(count):
        bits = (<Bits*> (<char*> first + i * stride))[0]
        seen |= <unsigned char> (bits == 0) | <unsigned char> (bits == minus_zero) << 1
    return seen


cdef inline unsigned char zeros_behind(Bits* result, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """0 unless the result is zero."""
    return signs_of_zeros[Bits](<Bits*> first, stride, count) if <Bits> (result[0] << 1) == 0 else 0


cdef unsigned char zeros_of_chunk(char* result, char* first, npy_intp stride, Py_ssize_t count, npy_intp itemsize) noexcept nogil:
    if itemsize == 2:
        return zeros_behind[uint16_t](<uint16_t*> result, first, stride, count)
    if itemsize == 4:
        return zeros_behind[uint32_t](<uint32_t*> result, first, stride, count)
    if itemsize == 8:
        return zeros_behind[uint64_t](<uint64_t*> result, first, stride, count)
    return BOTH_SIGNS if (<long double*> result)[0] == 0 else 0


cdef inline char* result_of(Folding* folding, int loop, Py_ssize_t chunk) noexcept nogil:
    return folding.results + (loop * folding.n_chunks + chunk) * folding.itemsize


cdef inline int take_in(Folding* folding, int loop, Py_ssize_t chunk, char* first, Py_ssize_t count) noexcept nogil:
    cdef npy_intp strides[3]
    cdef char* data[3]
    strides[0] = strides[2] = 0
    strides[1] = folding.line.stride
    data[0] = data[2] = result_of(folding, loop, chunk)
    data[1] = first
    return bound_call(&folding.loops[loop], data, count, strides)


cdef int fold_by_loops(Folding* folding, Py_ssize_t chunk, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef Py_ssize_t block = BLOCK if folding.n_loops > 1 else stop - start
    cdef npy_intp stride = folding.line.stride
    cdef Py_ssize_t at = start + 1
    cdef int i
    for i in range(folding.n_loops):
        memcpy(result_of(folding, i, chunk), folding.line.data + start * stride, folding.itemsize)
    while at < stop:
        for i in range(folding.n_loops):
            if take_in(folding, i, chunk, folding.line.data + at * stride, min(block, stop - at)):
                return 1
        at += block
    return 0


cdef int fold_chunk(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    cdef Folding* folding = <Folding*> context
    cdef Py_ssize_t chunk = start // folding.grain
    cdef npy_intp stride = folding.line.stride
    cdef char* first = folding.line.data + start * stride
    cdef int i
    if folding.extremes == NULL or not folding.extremes(first, stop - start, result_of(folding, 0, chunk), result_of(folding, 1, chunk)):
        if fold_by_loops(folding, chunk, start, stop):
            return 1
    if folding.zeros != NULL:
        for i in range(folding.n_loops):
            folding.zeros[i * folding.n_chunks + chunk] = zeros_of_chunk(result_of(folding, i, chunk), first, stride, stop - start, folding.itemsize)
    return 0


# --- One call -------------------------------------------------------------------------------------------------------

cdef bint have_both_signs(Folding* folding, int loop) noexcept nogil:
    cdef unsigned char seen = 0
    cdef Py_ssize_t i
    for i in range(folding.n_chunks):
        seen |= folding.zeros[loop * folding.n_chunks + i]
    return seen == BOTH_SIGNS


cdef bint is_settled(Folding* folding, list loops, cnp.ndarray results):
    """Whether no result can be a zero of either sign, depending on the order of its items."""
    cdef Loop loop
    cdef int i
    for i, loop in enumerate(loops):
        if have_both_signs(folding, i) and loop.fn.reduce((<object> results)[i]) == 0:
            return False
    return True


cdef object run_folding(Folding* folding, list loops, cnp.dtype dtype, bint signs_matter, int n_workers):
    """The chunks' results, a row for each loop; None if NumPy has to be asked for the sign of a zero."""
    cdef Region region
    cdef cnp.ndarray results, zeros
    cdef Loop first = loops[0]
    folding.grain = choose_reduction_grain(first, folding.line.n_items, &n_workers)
    folding.n_chunks = count_chunks(folding.line.n_items, folding.grain)
    results = np.empty((folding.n_loops, folding.n_chunks), dtype)
    zeros = np.zeros((folding.n_loops, folding.n_chunks), np.uint8)
    folding.results = cnp.PyArray_BYTES(results)
    folding.zeros = <unsigned char*> cnp.PyArray_BYTES(zeros) if signs_matter else NULL
    region.body = fold_chunk
    region.context = folding
    region.drop = NULL
    region.n_items = folding.line.n_items
    region.grain = folding.grain
    region.n_workers = n_workers
    region.watches_flags = False
    began = now_ns()
    region_run(&region)
    loop_learn(first, (now_ns() - began) * min(region.n_workers, <int> cpu_budget()), region.n_items)
    return None if signs_matter and not is_settled(folding, loops, results) else results


def fold(tuple ufuncs, cnp.ndarray array, wanted=None, int n_workers=0):
    """
    Reduce the chunks of a whole array by ufuncs that give the same for any grouping of its items.

    Parameters
    ----------
    ufuncs : tuple of numpy.ufunc
        One or two of one dtype, both applied in one pass.
    array : ndarray
        What is reduced, in memory order.
    wanted : dtype, optional
        In which to reduce.
    n_workers : int
        0 for the default.

    Returns
    -------
    ndarray or None
        Of shape ``(len(ufuncs), n_chunks)``: what is left to be reduced along the last axis. None where NumPy has to do it all: for items
        that no single stride walks, those that have to be cast, and a minimum or maximum that is zero if there are zeros of both signs.
    """
    cdef Folding folding
    cdef list loops = [find_reduction(ufunc, array.dtype, wanted) for ufunc in ufuncs]
    cdef int i
    if None in loops or any([loop.dtypes[0] != array.dtype for loop in loops]) or not find_line(array, &folding.line):
        return None
    folding.n_loops = len(loops)
    folding.itemsize = array.itemsize
    folding.extremes = NULL
    if ufuncs == (np.minimum, np.maximum) and folding.line.stride == array.itemsize:
        folding.extremes = find_extremes(ord(array.dtype.kind), array.itemsize)
    for i in range(folding.n_loops):
        folding.loops[i] = loop_bind(loops[i])
    return run_folding(&folding, loops, array.dtype, array.dtype.kind == "f", n_workers)
