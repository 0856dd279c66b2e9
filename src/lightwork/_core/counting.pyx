"""Counting items by their bins: each worker counts for itself, and the counts are added."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport UINT32_MAX, UINT64_MAX, uint8_t, uint16_t, uint32_t, uint64_t

from lightwork._core.bins cimport AHEAD, GROUP, MOST_FOR_TABLES, TABLES, Scale
from lightwork._core.bins cimport count_integers as count_groups
from lightwork._core.cast cimport find_cast
from lightwork._core.job cimport Body
from lightwork._core.line cimport find_line
from lightwork._core.loop cimport npy_intp
from lightwork._core.parallel cimport Region, region_run
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.pool_state cimport MAX_WORKERS

cnp.import_array()

ctypedef fused Bits:
    uint8_t
    uint16_t
    uint32_t
    uint64_t


# --- What a chunk does ----------------------------------------------------------------------------------------------

cdef struct Integers:
    Counting items
    Scale scale            # of which `in_doubt` alone is read, the number of bins
    Py_ssize_t ahead
    Py_ssize_t next_table  # from one table of counts to the next; 0 if there is but one


cdef int count_integers(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body of bincount: items are bins. Those that somebody has changed since they were looked at may be none."""
    cdef Integers* integers = <Integers*> context
    cdef npy_intp* counts = counts_of(&integers.items, worker)
    cdef Py_ssize_t first = mirrored(&integers.items, start)
    cdef Py_ssize_t end = min(first + GRAIN, integers.items.line.n_items), i, count
    cdef char* block
    while end > first:
        count = min(end - first, <Py_ssize_t> BLOCK)
        end -= count
        block = block_of(&integers.items, worker, end, count)
        if count >= GROUP:
            count_groups(block, <int> (count // GROUP), integers.ahead, &integers.scale, counts, integers.next_table)
        for i in range(count // GROUP * GROUP, count):
            counts[min(<size_t> (<npy_intp*> block)[i], <size_t> integers.scale.in_doubt)] += 1
    return 0


cdef inline Py_ssize_t nonzero_of(Bits* first, npy_intp stride, Py_ssize_t count, Bits mask) noexcept nogil:
    cdef Py_ssize_t i, n_nonzero = 0
    if stride == sizeof(Bits):  # which compilers make vectors of
        for i in range(count):
            n_nonzero += first[i] & mask != 0
        return n_nonzero
    for i in range(count):
        n_nonzero += (<Bits*> (<char*> first + i * stride))[0] & mask != 0
    return n_nonzero


cdef int count_nonzero_items(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body of count_nonzero: items are bits, of which a sign may not count."""
    cdef Counting* counting = <Counting*> context
    cdef npy_intp stride = counting.line.stride
    cdef char* first = counting.line.data + start * stride
    cdef Py_ssize_t count = stop - start
    cdef uint64_t mask = <uint64_t> counting.mask
    cdef npy_intp* counts = counting.counts + worker
    if counting.itemsize == 1:
        counts[0] += nonzero_of[uint8_t](<uint8_t*> first, stride, count, <uint8_t> mask)
    elif counting.itemsize == 2:
        counts[0] += nonzero_of[uint16_t](<uint16_t*> first, stride, count, <uint16_t> mask)
    elif counting.itemsize == 4:
        counts[0] += nonzero_of[uint32_t](<uint32_t*> first, stride, count, <uint32_t> mask)
    else:
        counts[0] += nonzero_of[uint64_t](<uint64_t*> first, stride, count, mask)
    return 0


# --- One call -------------------------------------------------------------------------------------------------------

cdef bint set_items(Counting* counting, cnp.ndarray array, cnp.dtype wanted) except -1:
    """Describe the items, as they are or as they are to be cast; False where no single stride walks them, or nothing casts them here."""
    if not find_line(array, &counting.line):
        return False
    counting.itemsize = wanted.itemsize
    counting.cast = find_cast(ord(array.dtype.char), ord(wanted.char))
    if array.dtype == wanted and counting.line.stride == array.itemsize:
        counting.cast = NULL
        return True
    return counting.cast != NULL


cdef int choose_workers(Counting* counting, int n_workers) except -1:
    """How many are to take part, of `n_workers` or the default: fewer if counts are many and items few."""
    n_workers = min(n_workers if n_workers > 0 else default_workers(home_pool()), MAX_WORKERS)
    return <int> max(1, min(n_workers, counting.line.n_items // max(counting.n_counts, <Py_ssize_t> GRAIN)))


cdef cnp.ndarray run_counting(Counting* counting, void* context, Body body, int n_workers):
    """The counts of each worker, in a row."""
    cdef Region region
    cdef cnp.ndarray counts = np.zeros((n_workers, counting.n_counts), np.intp)
    cdef cnp.ndarray scratch = np.empty(n_workers * BLOCK * counting.itemsize if counting.cast != NULL else 0, np.uint8)
    counting.counts = <npy_intp*> cnp.PyArray_DATA(counts)
    counting.scratch = cnp.PyArray_BYTES(scratch)
    region.body = body
    region.context = context
    region.drop = NULL
    region.n_items = counting.line.n_items
    region.grain = GRAIN
    region.n_workers = n_workers
    region.watches_flags = False
    region_run(&region)
    return counts


def count_bins(cnp.ndarray array, Py_ssize_t n_bins, int n_workers=0):
    """
    Count how often each of the first integers is among the items.

    Parameters
    ----------
    array : ndarray
        Of integers or bool, all of them at least 0 and less than `n_bins`.
    n_bins : int
        How many counts there are to be.
    n_workers : int
        0 for the default; fewer take part if counts are many and items few.

    Returns
    -------
    ndarray or None
        Of intp. None where NumPy has to do it: for items that no single stride walks.
    """
    cdef Integers integers
    cdef Py_ssize_t n_tables = TABLES if n_bins <= MOST_FOR_TABLES else 1
    if n_bins >= UINT32_MAX or not set_items(&integers.items, array, np.dtype(np.int64)):
        return None
    integers.scale.in_doubt = n_bins
    integers.ahead = AHEAD if integers.items.cast == NULL else 0
    integers.next_table = n_bins + 1 if n_tables > 1 else 0
    integers.items.n_counts = n_tables * (n_bins + 1)
    counts = run_counting(&integers.items, &integers, count_integers, choose_workers(&integers.items, n_workers))
    return np.add.reduce((<object> counts).reshape(-1, n_bins + 1), axis=0)[:n_bins]


def count_nonzero_bits(cnp.ndarray array, int n_workers=0):
    """
    Count the items that are not zero.

    Parameters
    ----------
    array : ndarray
        Of bool, integers, times or real numbers of at most eight bytes.
    n_workers : int
        0 for the default.

    Returns
    -------
    int or None
        None where NumPy has to do it: for items that no single stride walks, and wider ones.
    """
    cdef Counting counting
    if array.itemsize > 8 or array.dtype.kind not in "biufmM" or not find_line(array, &counting.line):
        return None
    counting.cast = NULL
    counting.itemsize = array.itemsize
    counting.n_counts = 1
    counting.mask = UINT64_MAX
    if array.dtype.kind == "f":
        counting.mask ^= (<uint64_t> 1) << (8 * counting.itemsize - 1)  # of -0.0 no other bit is set
    return int(np.add.reduce(run_counting(&counting, &counting, count_nonzero_items, choose_workers(&counting, n_workers)), axis=None))
