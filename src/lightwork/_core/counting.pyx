"""Counting items by their bins: each worker counts for itself, and the counts are added."""

import numpy as np

cimport numpy as cnp
from libc.stdint cimport UINT64_MAX, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from lightwork._core.cast cimport Cast, find_cast
from lightwork._core.clones cimport IS_CLONED  # no-cython-lint: for its macro
from lightwork._core.line cimport Line, find_line
from lightwork._core.loop cimport npy_intp
from lightwork._core.parallel cimport Region, region_run
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.pool_state cimport MAX_WORKERS

cnp.import_array()

cdef enum:
    BLOCK = 2048         # items that are cast at a time
    GRAIN = 32768        # items: some 30 us
    AHEAD_EVERY = 8      # items: a cache line of float64. Without it a histogram of 80 MB takes twice as long
    TABLES = 4           # of counts, which items take in turn: neighbours are often in one bin, and an addition waits for the one before it
    MOST_FOR_TABLES = 1024  # bins, whose tables stay near

cdef extern from * nogil:
    """
    #include <cstdint>
    #include <cstring>

    /* The bins of items, counted from 0 with `scale` of them for each unit from `lowest` on. Whatever is within `margin` bins of an edge,
       outside all bins or NaN gets `n_bins`. Adding 2^52 + 2^51 rounds to the nearest integer, which then stands in the lowest bits:
       unlike a cast, that is defined for all numbers. Compilers make vector instructions of it if it stands alone: inlined, GCC makes branches. */
    #define LW_PLACE(name, Real)                                                                                       \
        LW_FOR_EACH_PROCESSOR __attribute__((noinline))                                                                \
        static void name(const char* first, int32_t* places, int count, double lowest, double scale, double n_bins,    \
                         double margin) {                                                                              \
            const Real* const items = (const Real*) first;                                                             \
            const double integers = 6755399441055744.0, limit = 0.5 - margin, doubtful = integers + n_bins;            \
            const double highest = n_bins - 0.5;                                                                       \
            for (int i = 0; i < count; i++) {                                                                          \
                const double middle = (items[i] - lowest) * scale - 0.5;                                               \
                const double nearest = middle + integers;                                                              \
                const double off = middle - (nearest - integers);                                                      \
                const bool is_sure = (off < limit) & (off > -limit) & (middle > -0.5) & (middle < highest);            \
                const double place = is_sure ? nearest : doubtful;                                                     \
                uint64_t bits;                                                                                         \
                std::memcpy(&bits, &place, sizeof bits);                                                               \
                places[i] = (int32_t) bits;                                                                            \
            }                                                                                                          \
        }
    LW_PLACE(lw_place_float, float)
    LW_PLACE(lw_place_double, double)
    """
    void place_floats "lw_place_float"(char* first, int32_t* places, int count, double lowest, double scale, double n_bins, double margin)
    void place_doubles "lw_place_double"(char* first, int32_t* places, int count, double lowest, double scale, double n_bins, double margin)

cdef extern from * nogil:
    void prefetch "__builtin_prefetch"(void*, int writes, int locality)

cdef struct Counting:
    Line line
    Cast* cast                 # of items to what is counted; NULL: they are that, side by side
    char* scratch              # a block for each worker
    npy_intp itemsize
    npy_intp* counts           # n_counts for each worker
    Py_ssize_t n_counts
    uint64_t mask              # of the bits that count; of count_nonzero
    # Of a histogram:
    Py_ssize_t n_bins          # after whose counts stands one of what was in doubt
    Py_ssize_t next_table      # from one table of counts to the next; 0 if there is but one
    void* edges                # n_bins + 1 of them
    double lowest
    double scale               # bins for each unit
    double margin              # bins, in which an estimate may be wrong

ctypedef fused Bits:
    uint8_t
    uint16_t
    uint32_t
    uint64_t

ctypedef fused Real:
    float
    double


# --- What a chunk does ----------------------------------------------------------------------------------------------

cdef inline char* block_of(Counting* counting, int worker, Py_ssize_t start, Py_ssize_t count) noexcept nogil:
    """Where the items are that are to be counted, cast if they have to be."""
    cdef char* first = counting.line.data + start * counting.line.stride
    cdef char* block = counting.scratch + worker * BLOCK * counting.itemsize
    if counting.cast == NULL:
        return first
    counting.cast(first, counting.line.stride, block, count)
    return block


cdef int count_integers(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body of bincount: items are bins."""
    cdef Counting* counting = <Counting*> context
    cdef npy_intp* counts = counting.counts + worker * counting.n_counts
    cdef Py_ssize_t i, count
    cdef npy_intp* items
    while start < stop:
        count = min(stop - start, <Py_ssize_t> BLOCK)
        items = <npy_intp*> block_of(counting, worker, start, count)
        for i in range(count):
            counts[items[i]] += 1
        start += count
    return 0


cdef inline void settle(Real item, Real* edges, Py_ssize_t n_bins, Py_ssize_t bin, npy_intp* counts) noexcept nogil:
    """Count an item that is near an edge of a bin, or of one of its neighbours; the last bin has its right edge, too."""
    if not edges[0] <= item <= edges[n_bins]:
        return
    while bin > 0 and item < edges[bin]:
        bin -= 1
    while bin < n_bins - 1 and item >= edges[bin + 1]:
        bin += 1
    counts[bin] += 1


cdef inline void settle_block(Real* items, Counting* counting, int32_t* places, npy_intp* counts, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t n_bins = counting.n_bins, i
    cdef double bin
    for i in range(count):
        if places[i] == n_bins:
            bin = (items[i] - counting.lowest) * counting.scale
            bin = bin if bin > 0 else 0
            bin = bin if bin < n_bins - 1 else n_bins - 1
            settle(items[i], <Real*> counting.edges, n_bins, <Py_ssize_t> bin, counts)


cdef inline void count_places(Counting* counting, char* ahead, int32_t* places, npy_intp* counts, Py_ssize_t count) noexcept nogil:
    cdef npy_intp* second = counts + counting.next_table
    cdef npy_intp* third = second + counting.next_table
    cdef npy_intp* fourth = third + counting.next_table
    cdef Py_ssize_t i = 0
    while i + AHEAD_EVERY <= count:
        # The next block, for which memory would wait meanwhile; into the second cache, since the first is full of this one.
        prefetch(ahead + i * counting.itemsize, 0, 2)
        counts[places[i]] += 1
        second[places[i + 1]] += 1
        third[places[i + 2]] += 1
        fourth[places[i + 3]] += 1
        counts[places[i + 4]] += 1
        second[places[i + 5]] += 1
        third[places[i + 6]] += 1
        fourth[places[i + 7]] += 1
        i += AHEAD_EVERY
    while i < count:
        counts[places[i]] += 1
        i += 1


cdef inline npy_intp n_doubtful(Counting* counting, npy_intp* counts) noexcept nogil:
    """How many items were near an edge, or outside, so far."""
    cdef npy_intp n = counts[counting.n_bins]
    cdef Py_ssize_t table
    if counting.next_table > 0:
        for table in range(1, TABLES):
            n += counts[table * counting.next_table + counting.n_bins]
    return n


cdef inline void count_block(Counting* counting, char* first, npy_intp* counts, Py_ssize_t count) noexcept nogil:
    """Estimate the bins of a block, count them, and look again at items that are near an edge."""
    cdef int32_t places[BLOCK]
    cdef npy_intp before = n_doubtful(counting, counts)
    if counting.itemsize == sizeof(float):
        place_floats(first, places, count, counting.lowest, counting.scale, counting.n_bins, counting.margin)
    else:
        place_doubles(first, places, count, counting.lowest, counting.scale, counting.n_bins, counting.margin)
    count_places(counting, first + count * counting.itemsize, places, counts, count)
    if n_doubtful(counting, counts) == before:
        return
    if counting.itemsize == sizeof(float):
        settle_block(<float*> first, counting, places, counts, count)
    else:
        settle_block(<double*> first, counting, places, counts, count)


cdef int count_reals(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body of a histogram."""
    cdef Counting* counting = <Counting*> context
    cdef npy_intp* counts = counting.counts + worker * counting.n_counts
    cdef Py_ssize_t count
    while start < stop:
        count = min(stop - start, <Py_ssize_t> BLOCK)
        count_block(counting, block_of(counting, worker, start, count), counts, count)
        start += count
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


cdef object run_counting(Counting* counting, Region* region, int n_workers):
    cdef cnp.ndarray counts, scratch
    n_workers = min(n_workers if n_workers > 0 else default_workers(home_pool()), MAX_WORKERS)
    n_workers = <int> max(1, min(n_workers, counting.line.n_items // max(counting.n_counts, <Py_ssize_t> GRAIN)))
    counts = np.zeros((n_workers, counting.n_counts), np.intp)
    scratch = np.empty(n_workers * BLOCK * counting.itemsize if counting.cast != NULL else 0, np.uint8)
    counting.counts = <npy_intp*> cnp.PyArray_DATA(counts)
    counting.scratch = cnp.PyArray_BYTES(scratch)
    region.context = counting
    region.drop = NULL
    region.n_items = counting.line.n_items
    region.grain = GRAIN
    region.n_workers = n_workers
    region.watches_flags = False
    region_run(region)
    return np.add.reduce(counts, axis=0)


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
    cdef Counting counting
    cdef Region region
    if not set_items(&counting, array, np.dtype(np.intp)):
        return None
    counting.n_counts = n_bins
    region.body = count_integers
    return run_counting(&counting, &region, n_workers)


def count_between(cnp.ndarray array, cnp.ndarray edges, double margin, int n_workers=0):
    """
    Count how many items are in each of many bins of one width: from an edge to the next, of which only the last belongs to its bin.

    Parameters
    ----------
    array : ndarray
        Of real numbers, whose dtype loses nothing when it is cast to that of the edges.
    edges : ndarray
        Of float32 or float64, ascending, contiguous; the difference of the last and the first is finite.
    margin : float
        Bins, by which the place of an edge on an even scale may be wrong at most; less than half a bin.
    n_workers : int
        0 for the default; fewer take part if counts are many and items few.

    Returns
    -------
    ndarray or None
        Of intp, one less than there are edges. None where NumPy has to do it: for items that no single stride walks.
    """
    cdef Counting counting
    cdef Region region
    if not set_items(&counting, array, edges.dtype):
        return None
    counting.n_bins = edges.size - 1
    n_tables = TABLES if counting.n_bins <= MOST_FOR_TABLES else 1
    counting.n_counts = n_tables * (counting.n_bins + 1)
    counting.next_table = counting.n_bins + 1 if n_tables > 1 else 0
    counting.edges = cnp.PyArray_DATA(edges)
    counting.lowest = edges[0]
    counting.scale = counting.n_bins / (<double> edges[counting.n_bins] - counting.lowest)
    counting.margin = margin
    region.body = count_reals
    counts = run_counting(&counting, &region, n_workers).reshape(n_tables, -1)
    return np.add.reduce(counts, axis=0)[:counting.n_bins]


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
    cdef Region region
    if array.itemsize > 8 or array.dtype.kind not in "biufmM" or not find_line(array, &counting.line):
        return None
    counting.cast = NULL
    counting.itemsize = array.itemsize
    counting.n_counts = 1
    counting.mask = UINT64_MAX
    if array.dtype.kind == "f":
        counting.mask ^= (<uint64_t> 1) << (8 * counting.itemsize - 1)  # of -0.0 no other bit is set
    region.body = count_nonzero_items
    return int(run_counting(&counting, &region, n_workers)[0])
