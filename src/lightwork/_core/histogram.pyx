"""Histograms with bins of one width: estimates are counted, and what is near an edge is compared with it."""

import numpy as np

cimport numpy as cnp
from libc.math cimport ceil
from libc.stdint cimport UINT16_MAX, uint8_t, uint16_t, uint32_t, uint64_t

from lightwork._core.atomics cimport CACHE_LINE
from lightwork._core.bins cimport (
    AHEAD,
    GROUP,
    MOST_FOR_TABLES,
    TABLES,
    CountGroups,
    FindDoubts,
    Scale,
    add_pairs,
    count_double_pairs,
    count_doubles,
    count_float_pairs,
    count_floats,
    doubts_of_double_pairs,
    doubts_of_doubles,
    doubts_of_float_pairs,
    doubts_of_floats,
)
from lightwork._core.counting cimport BLOCK, GRAIN, Counting, block_of, choose_workers, counts_of, mirrored, run_counting, set_items
from lightwork._core.loop cimport npy_intp

cnp.import_array()

cdef enum:
    MOST_FOR_PAIRS = 110  # bins, whose cells of pairs do
    ENOUGH_FOR_PAIRS = 8  # items for each cell, which is to be cleared and added
    MOST_SHIFT = 20       # of bins into units, of which there may be as many as 32 bits can tell
    ROUNDED_UNITS = 2     # by which rounding to units may move an estimate and its margin

cdef struct Histogram:
    Counting items
    Py_ssize_t n_bins
    Scale scale
    void* edges
    CountGroups* count_groups
    FindDoubts* find_doubts
    Py_ssize_t ahead           # bytes; 0 for blocks that are cast, which are near
    Py_ssize_t next_table      # from one table of counts to the next; 0 if there is but one
    uint16_t* pairs            # NULL, or cells of pairs for each worker, whose counts end with how many pairs stand there
    Py_ssize_t next_pairs      # from one worker's to the next one's

ctypedef fused Real:
    float
    double


# --- What a chunk does ----------------------------------------------------------------------------------------------

cdef inline void settle(Real item, Histogram* histogram, npy_intp* counts) noexcept nogil:
    """Count an item by the edges themselves; the last bin has its right edge, too."""
    cdef Real* edges = <Real*> histogram.edges
    cdef Py_ssize_t last = histogram.n_bins - 1, bin
    if not edges[0] <= item <= edges[last + 1]:
        return
    bin = min(<Py_ssize_t> ((item - histogram.scale.lowest) * histogram.scale.steepness) >> histogram.scale.shift, last)
    while bin > 0 and item < edges[bin]:
        bin -= 1
    while bin < last and item >= edges[bin + 1]:
        bin += 1
    counts[bin] += 1


cdef inline void settle_item(Histogram* histogram, char* item, npy_intp* counts) noexcept nogil:
    if histogram.items.itemsize == sizeof(float):
        settle((<float*> item)[0], histogram, counts)
    else:
        settle((<double*> item)[0], histogram, counts)


cdef void settle_groups(Histogram* histogram, char* first, int n_groups, npy_intp* counts) noexcept nogil:
    """Count what is in doubt in some groups."""
    cdef npy_intp itemsize = histogram.items.itemsize
    cdef uint8_t doubts[GROUP]
    cdef int i, _
    for _ in range(n_groups):
        if histogram.find_doubts(first, &histogram.scale, doubts):
            for i in range(GROUP):
                if doubts[i]:
                    settle_item(histogram, first + i * itemsize, counts)
        first += GROUP * itemsize


cdef inline uint16_t* pairs_of(Histogram* histogram, int worker) noexcept nogil:
    return histogram.pairs + worker * histogram.next_pairs


cdef inline npy_intp* n_pairs_of(Histogram* histogram, int worker) noexcept nogil:
    return counts_of(&histogram.items, worker) + histogram.scale.n_cells


cdef void take_pairs(Histogram* histogram, int worker) noexcept nogil:
    """Add what stands in a worker's cells to its counts."""
    add_pairs(pairs_of(histogram, worker), histogram.scale.n_cells, counts_of(&histogram.items, worker))
    n_pairs_of(histogram, worker)[0] = 0


cdef void count_pairs(Histogram* histogram, char* first, int n_groups, int worker) noexcept nogil:
    cdef uint16_t* cells = pairs_of(histogram, worker)
    cdef npy_intp* n_pairs = n_pairs_of(histogram, worker)
    cdef npy_intp n_new = n_groups * GROUP // 2
    cdef uint16_t before
    if n_pairs[0] + n_new > UINT16_MAX:
        take_pairs(histogram, worker)
    n_pairs[0] += n_new
    before = cells[histogram.scale.in_doubt]
    histogram.count_groups(first, n_groups, histogram.ahead, &histogram.scale, cells, 0)
    if cells[histogram.scale.in_doubt] != before:
        settle_groups(histogram, first, n_groups, counts_of(&histogram.items, worker))


cdef inline npy_intp n_in_doubt(Histogram* histogram, npy_intp* counts) noexcept nogil:
    """How many items of all tables were in doubt so far."""
    cdef npy_intp n = counts[histogram.scale.in_doubt]
    cdef Py_ssize_t table
    if histogram.next_table > 0:
        for table in range(1, TABLES):
            n += counts[table * histogram.next_table + histogram.scale.in_doubt]
    return n


cdef void count_singles(Histogram* histogram, char* first, int n_groups, int worker) noexcept nogil:
    cdef npy_intp* counts = counts_of(&histogram.items, worker)
    cdef npy_intp before = n_in_doubt(histogram, counts)
    histogram.count_groups(first, n_groups, histogram.ahead, &histogram.scale, counts, histogram.next_table)
    if n_in_doubt(histogram, counts) != before:
        settle_groups(histogram, first, n_groups, counts)


cdef void count_block(Histogram* histogram, char* first, Py_ssize_t count, int worker) noexcept nogil:
    cdef int n_groups = <int> (count // GROUP)
    cdef Py_ssize_t i
    if n_groups > 0 and histogram.pairs != NULL:
        count_pairs(histogram, first, n_groups, worker)
    elif n_groups > 0:
        count_singles(histogram, first, n_groups, worker)
    for i in range(n_groups * GROUP, count):
        settle_item(histogram, first + i * histogram.items.itemsize, counts_of(&histogram.items, worker))


cdef int count_reals(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body, which goes backwards within a chunk, too."""
    cdef Histogram* histogram = <Histogram*> context
    cdef Py_ssize_t first = mirrored(&histogram.items, start)
    cdef Py_ssize_t end = min(first + GRAIN, histogram.items.line.n_items), count
    while end > first:
        count = min(end - first, <Py_ssize_t> BLOCK)
        end -= count
        count_block(histogram, block_of(&histogram.items, worker, end, count), count, worker)
    return 0


# --- One call -------------------------------------------------------------------------------------------------------

cdef int set_scale(Histogram* histogram, cnp.ndarray edges, double margin) except -1:
    """Describe the bins, and one more for all items outside."""
    cdef Scale* scale = &histogram.scale
    cdef double width
    histogram.n_bins = edges.size - 1
    histogram.edges = cnp.PyArray_DATA(edges)
    scale.lowest, scale.highest = edges[0], edges[histogram.n_bins]
    width = (scale.highest - scale.lowest) / histogram.n_bins
    scale.n_cells = histogram.n_bins + 1
    scale.shift = min(MOST_SHIFT, 32 - edges.size.bit_length())
    scale.mask = (<uint32_t> 1 << scale.shift) - 1
    scale.outside = (<uint64_t> (2 * histogram.n_bins + 1) << scale.shift) >> 1
    scale.steepness = (1 << scale.shift) / width
    scale.margin = <uint32_t> ceil(margin * (1 << scale.shift)) + ROUNDED_UNITS
    return 0


cdef void set_pairs(Histogram* histogram) noexcept:
    cdef bint is_single = histogram.items.itemsize == sizeof(float)
    histogram.count_groups = count_float_pairs if is_single else count_double_pairs
    histogram.find_doubts = doubts_of_float_pairs if is_single else doubts_of_double_pairs
    histogram.scale.in_doubt = histogram.scale.n_cells * histogram.scale.n_cells
    histogram.next_pairs = histogram.scale.in_doubt + CACHE_LINE  # so that two workers' do not share a line
    histogram.next_table = 0
    histogram.items.n_counts = histogram.scale.n_cells + 1


cdef void set_tables(Histogram* histogram, Py_ssize_t n_tables) noexcept:
    cdef bint is_single = histogram.items.itemsize == sizeof(float)
    histogram.count_groups = count_floats if is_single else count_doubles
    histogram.find_doubts = doubts_of_floats if is_single else doubts_of_doubles
    histogram.scale.in_doubt = histogram.scale.n_cells
    histogram.next_pairs = 0
    histogram.next_table = histogram.scale.n_cells + 1 if n_tables > 1 else 0
    histogram.items.n_counts = n_tables * (histogram.scale.n_cells + 1)


cdef object run_histogram(Histogram* histogram, int n_workers):
    """Counts by bin, and behind them what is no count."""
    cdef cnp.ndarray pairs, counts
    cdef int worker
    n_workers = choose_workers(&histogram.items, n_workers)
    pairs = np.zeros(n_workers * histogram.next_pairs, np.uint16)
    histogram.pairs = <uint16_t*> cnp.PyArray_DATA(pairs) if histogram.next_pairs > 0 else NULL
    counts = run_counting(&histogram.items, histogram, count_reals, n_workers)
    if histogram.pairs != NULL:
        for worker in range(n_workers):
            take_pairs(histogram, worker)
    return np.add.reduce((<object> counts).reshape(-1, histogram.scale.n_cells + 1), axis=0)


def count_between(cnp.ndarray array, cnp.ndarray edges, double margin, int n_workers=0):
    """
    Count how many items are in each of many bins of one width: from an edge to the next, of which only the last belongs to its bin.

    Parameters
    ----------
    array : ndarray
        Of real numbers, whose dtype loses nothing when it is cast to that of the edges.
    edges : ndarray
        Of float32 or float64, ascending, contiguous, at most 2**20; the difference of the last and the first is finite.
    margin : float
        Bins, by which the place of an edge on an even scale may be wrong at most, the roundings of doubles included; less than a quarter.
    n_workers : int
        0 for the default; fewer take part if counts are many and items few.

    Returns
    -------
    ndarray or None
        Of intp, one less than there are edges. None where NumPy has to do it: for items that no single stride walks.
    """
    cdef Histogram histogram
    if not set_items(&histogram.items, array, edges.dtype):
        return None
    set_scale(&histogram, edges, margin)
    histogram.ahead = AHEAD if histogram.items.cast == NULL else 0
    if histogram.n_bins <= MOST_FOR_PAIRS and histogram.n_bins ** 2 * ENOUGH_FOR_PAIRS <= array.size:
        set_pairs(&histogram)
    else:
        set_tables(&histogram, TABLES if histogram.n_bins <= MOST_FOR_TABLES else 1)
    return run_histogram(&histogram, n_workers)[:histogram.n_bins]
