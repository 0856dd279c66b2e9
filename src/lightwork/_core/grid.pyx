"""A reduction with many outputs, each of which is computed as NumPy does it.

The array is seen as a grid of three axes, from the widest stride to the narrowest: outer axes that are kept, those that are reduced, inner
ones that are kept. Without inner ones, NumPy's loop reduces the items of an output in one call. With them, it takes in one row after the other,
for all outputs of a row at a time. Neither depends on how the outputs are cut into chunks.
"""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from libc.string cimport memcpy

from lightwork._core.atomics cimport CACHE_LINE, now_ns
from lightwork._core.cache cimport Cache
from lightwork._core.cast cimport Cast, find_cast
from lightwork._core.flags cimport report_flags
from lightwork._core.loop cimport BoundLoop, Loop, bound_call, loop_bind, loop_learn, npy_intp
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.reduction cimport choose_reduction_grain, find_reduction
from lightwork._core.rows cimport ROWS, AddRows, find_add_rows
from lightwork._core.summation cimport TREE, order_of
from lightwork._core.line cimport join_axes, sort_axes
from lightwork._core.sharing cimport LANES, is_worth_sharing

cnp.import_array()

cdef enum:
    MAX_DIMENSIONS = 64
    MAX_ITEM = 32         # bytes
    SEGMENT = 4096        # outputs of a row that are computed together, while they and a row's part are in the cache; a page of bytes
    NARROWEST = 64        # outputs; over fewer a row's part is not worth a call of the loop
    WIDE = 4096           # bytes: a page, in which a machine foresees what is read next; narrower parts of rows are read slower than whole rows
    WIDE_CAST = 512       # outputs, of items that are cast, which takes longer than to read them
    COARSE = 4            # chunks for each worker; of fewer each is long, and he who is late keeps the others waiting for it
    TOGETHER = 8          # rows that are brought into the cache at a time, where they are not added together; 4 and 16 are no better
    BUFFER = 8192         # items that are cast at a time, where the grouping cannot show

cdef extern from * nogil:
    """
    static inline void read_byte(const char* at) { (void) *(volatile const char*) at; }
    """
    void read_byte(const char*)

cdef struct Axis:
    npy_intp stride
    Py_ssize_t length

cdef struct Grid:
    BoundLoop loop
    Cast* cast                # NULL: items are taken as they are
    AddRows* add_rows         # NULL: the loop takes in one row after the other
    bint has_start            # whether outputs begin with a value, else with their first item
    char start[MAX_ITEM]
    char* data
    Axis outer
    Axis reduced
    Axis inner
    Py_ssize_t n_parts        # of a row of outputs, each computed by one worker
    char* outputs             # outer.length times inner.length of them, side by side
    npy_intp itemsize         # of an output
    char* scratch             # for each worker, items that are cast
    npy_intp scratch_size


# --- What a chunk does ----------------------------------------------------------------------------------------------

cdef inline char* scratch_of(Grid* grid, int worker) noexcept nogil:
    return grid.scratch + worker * grid.scratch_size


cdef void begin_outputs(Grid* grid, char* output, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """Give outputs in a row their first value."""
    cdef Py_ssize_t i
    if grid.has_start:
        for i in range(count):
            memcpy(output + i * grid.itemsize, grid.start, grid.itemsize)
    elif grid.cast != NULL:
        grid.cast(first, stride, output, count)
    else:
        for i in range(count):
            memcpy(output + i * grid.itemsize, first + i * stride, grid.itemsize)


cdef int take_row(Grid* grid, char* output, char* first, Py_ssize_t count, int worker) noexcept nogil:
    """Take one row in, item for item."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    strides[0] = strides[1] = strides[2] = grid.itemsize
    data[0] = data[2] = output
    data[1] = first
    if grid.cast != NULL:
        data[1] = scratch_of(grid, worker)
        grid.cast(first, grid.inner.stride, data[1], count)
    else:
        strides[1] = grid.inner.stride
    return bound_call(&grid.loop, data, count, strides)


cdef inline void fetch_rows(char* first, npy_intp apart, Py_ssize_t n_rows, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """
    Have parts of several rows brought into the cache, by reading from each in turn. What a machine foresees ends with a part, so
    it has to follow several at once; it follows reads alone, not what it is told to prefetch.
    """
    cdef char* line = first if stride >= 0 else first + (count - 1) * stride
    cdef char* last = first if stride < 0 else first + (count - 1) * stride
    cdef npy_intp step = max(stride if stride >= 0 else -stride, <npy_intp> CACHE_LINE)
    cdef Py_ssize_t row
    while line <= last:
        for row in range(n_rows):
            read_byte(line + row * apart)
        line += step


cdef int add_several(Grid* grid, char* output, char* first, Py_ssize_t count, int worker) noexcept nogil:
    """
    Take several rows in at a time. If the last items fill no vector, the loop takes them and some before them: there it may choose the other one of
    two NaNs, and so again where items are few.
    """
    cdef bint fills_vectors = count * grid.itemsize % CACHE_LINE == 0
    cdef Py_ssize_t n_whole = count if fills_vectors else max(count // LANES - 1, <Py_ssize_t> 0) * LANES
    cdef npy_intp behind = n_whole * grid.itemsize
    cdef int row
    grid.add_rows(output, first, grid.reduced.stride, n_whole)
    for row in range(ROWS):
        if n_whole < count and take_row(grid, output + behind, first + row * grid.reduced.stride + behind, count - n_whole, worker):
            return 1
    return 0


cdef int reduce_segment(Grid* grid, Py_ssize_t outer, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """Compute the outputs [start, stop) of a row of them, row by row of the items."""
    cdef char* first = grid.data + outer * grid.outer.stride + start * grid.inner.stride
    cdef char* output = grid.outputs + (outer * grid.inner.length + start) * grid.itemsize
    cdef Py_ssize_t count = stop - start
    cdef npy_intp apart = grid.reduced.stride
    cdef Py_ssize_t begin = 0 if grid.has_start else 1
    cdef Py_ssize_t i
    begin_outputs(grid, output, first, grid.inner.stride, count)
    while grid.add_rows != NULL and begin + ROWS <= grid.reduced.length:
        if add_several(grid, output, first + begin * apart, count, worker):
            return 1
        begin += ROWS
    for i in range(begin, grid.reduced.length):
        if (i - begin) % TOGETHER == 0 and count < grid.inner.length:
            fetch_rows(first + i * apart, apart, min(grid.reduced.length - i, <Py_ssize_t> TOGETHER), grid.inner.stride, count)
        if take_row(grid, output, first + i * apart, count, worker):
            return 1
    return 0


cdef int reduce_part(Grid* grid, Py_ssize_t outer, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """Compute the outputs [start, stop) of a row, as many at a time as stay in the cache."""
    cdef Py_ssize_t last
    while start < stop:
        last = min(stop, start + SEGMENT)
        if reduce_segment(grid, outer, start, last, worker):
            return 1
        start = last
    return 0


cdef inline Py_ssize_t quotient_up(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


cdef inline Py_ssize_t start_of(Grid* grid, Py_ssize_t part) noexcept nogil:
    """Where a part of a row begins: at a whole number of lanes, so that the loop meets the same remainders as in one piece."""
    cdef Py_ssize_t n_lanes = quotient_up(grid.inner.length, LANES)
    return min(grid.inner.length, part * n_lanes // grid.n_parts * LANES)


cdef int reduce_parts(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body where there are inner axes: parts of rows of outputs."""
    cdef Grid* grid = <Grid*> context
    cdef Py_ssize_t i, part
    for i in range(start, stop):
        part = i % grid.n_parts
        if reduce_part(grid, i // grid.n_parts, start_of(grid, part), start_of(grid, part + 1), worker):
            return 1
    return 0


cdef int take_items(Grid* grid, char* output, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """Let the loop reduce items to one output, in one call."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    strides[0] = strides[2] = 0  # by which the loop knows that it is to reduce
    strides[1] = stride
    data[0] = data[2] = output
    data[1] = first
    return bound_call(&grid.loop, data, count, strides)


cdef int take_cast(Grid* grid, char* output, char* first, Py_ssize_t count, int worker) noexcept nogil:
    """The same in pieces that are cast, of a reduction for which the grouping makes no difference."""
    cdef char* buffer = scratch_of(grid, worker)
    cdef Py_ssize_t at = 0, piece
    while at < count:
        piece = min(count - at, <Py_ssize_t> BUFFER)
        grid.cast(first + at * grid.reduced.stride, grid.reduced.stride, buffer, piece)
        if take_items(grid, output, buffer, grid.itemsize, piece):
            return 1
        at += piece
    return 0


cdef int reduce_rows(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body where there are no inner axes: an output for each outer position."""
    cdef Grid* grid = <Grid*> context
    cdef Py_ssize_t skipped = 0 if grid.has_start else 1
    cdef Py_ssize_t outer
    cdef char* first
    cdef char* output
    for outer in range(start, stop):
        first = grid.data + outer * grid.outer.stride
        output = grid.outputs + outer * grid.itemsize
        begin_outputs(grid, output, first, grid.outer.stride, 1)
        first += skipped * grid.reduced.stride
        if grid.cast != NULL:
            if take_cast(grid, output, first, grid.reduced.length - skipped, worker):
                return 1
        elif take_items(grid, output, first, grid.reduced.stride, grid.reduced.length - skipped):
            return 1
    return 0


# --- Whether the kernel has NumPy's bits ----------------------------------------------------------------------------

cdef Cache known_rows = Cache.__new__(Cache)


cdef bint agrees(AddRows* add_rows, cnp.ndarray rows):
    cdef cnp.ndarray sums = (<object> rows)[0].copy()
    add_rows(cnp.PyArray_BYTES(sums), cnp.PyArray_BYTES(rows) + cnp.PyArray_STRIDE(rows, 0), cnp.PyArray_STRIDE(rows, 0), sums.size)
    return sums.tobytes() == np.add.reduce(rows, axis=0).tobytes()


cdef AddRows* add_rows_of(cnp.dtype dtype) except? NULL:
    """
    The kernel for items of a dtype, tried out once: of two NaNs that are added, loops of older NumPys take the other one. NULL where loops
    have to do it.
    """
    cdef AddRows* add_rows = find_add_rows(ord(dtype.char))
    if add_rows == NULL:
        return NULL
    known = known_rows.get(dtype.char)
    if known is ...:
        rows = np.full((ROWS + 1, LANES), np.nan, dtype)
        rows[0], rows[1] = np.inf, -np.inf  # whose sum is a NaN with another sign
        with np.errstate(all="ignore"):
            known = known_rows.keep(dtype.char, agrees(add_rows, rows))
    return add_rows if known else NULL


def has_kernel(cnp.dtype dtype):
    """
    Tell whether rows are added several at a time by a kernel.

    Parameters
    ----------
    dtype : dtype
        Of the items.

    Returns
    -------
    bool
    """
    return add_rows_of(dtype) != NULL


# --- Seeing the grid ------------------------------------------------------------------------------------------------

cdef bint find_grid(cnp.ndarray array, tuple reduced_axes, Grid* grid):
    """Join an array's axes to three; False where they do not lie so."""
    cdef int axes[MAX_DIMENSIONS]
    cdef int count = sort_axes(array, axes)
    cdef int n_outer = 0, n_reduced = 0
    while n_outer < count and axes[n_outer] not in reduced_axes:
        n_outer += 1
    while n_outer + n_reduced < count and axes[n_outer + n_reduced] in reduced_axes:
        n_reduced += 1
    for i in range(n_outer + n_reduced, count):
        if axes[i] in reduced_axes:
            return False
    grid.data = cnp.PyArray_BYTES(array)
    return (n_reduced > 0 and join_axes(array, axes, n_outer, &grid.outer.stride, &grid.outer.length)
            and join_axes(array, axes + n_outer, n_reduced, &grid.reduced.stride, &grid.reduced.length)
            and join_axes(array, axes + n_outer + n_reduced, count - n_outer - n_reduced, &grid.inner.stride, &grid.inner.length))


cdef int set_start(Grid* grid, Loop loop) except -1:
    """What NumPy's outputs begin with: the ufunc's identity, if it has one."""
    cdef cnp.ndarray start
    identity = loop.fn.identity
    grid.has_start = identity is not None
    if grid.has_start:
        start = np.array(identity).astype(loop.dtypes[0])
        memcpy(grid.start, cnp.PyArray_BYTES(start), start.itemsize)
    return 0


cdef object allocate_outputs(cnp.ndarray array, tuple axes, cnp.dtype dtype):
    """Outputs side by side in the order in which the grid has them, with the reduced axes kept."""
    one = tuple([slice(0, 1) if axis in axes else slice(None) for axis in range(array.ndim)])
    return np.empty_like((<object> array)[one], dtype=dtype)


# --- One call -------------------------------------------------------------------------------------------------------

cdef inline Py_ssize_t n_items_of(Grid* grid) noexcept:
    return grid.outer.length * grid.reduced.length * grid.inner.length


cdef Py_ssize_t narrowest_part(Grid* grid) noexcept:
    """The fewest outputs of a row that are worth being computed apart from the rest of it, give or take a quarter."""
    if grid.cast != NULL:
        return WIDE_CAST
    return max(<Py_ssize_t> NARROWEST, WIDE // max(<npy_intp> 1, grid.inner.stride if grid.inner.stride >= 0 else -grid.inner.stride))


cdef void cut_rows(Grid* grid, Py_ssize_t wanted, int n_workers) noexcept:
    """Cut rows of outputs into parts of about as many as wanted; into fewer, but for each worker one, where they would be too narrow."""
    cdef Py_ssize_t length = grid.inner.length
    cdef Py_ssize_t most = 4 * length // (3 * narrowest_part(grid))
    grid.n_parts = max(<Py_ssize_t> 1, min(most, max(quotient_up(length, wanted), quotient_up(n_workers, grid.outer.length))))


cdef bint set_chunks(Grid* grid, Loop loop, int n_workers, Region* region):
    """Cut the outputs into chunks; False if NumPy would be sooner done."""
    cdef Py_ssize_t n_items = n_items_of(grid)
    cdef Py_ssize_t by_cost = choose_reduction_grain(loop, n_items, &n_workers)
    cdef Py_ssize_t n_outputs = max(<Py_ssize_t> 1, by_cost // grid.reduced.length)
    cdef Py_ssize_t n_chunks
    cut_rows(grid, n_outputs, n_workers)
    region.n_items = grid.outer.length * grid.n_parts
    region.grain = max(<Py_ssize_t> 1, n_outputs * grid.n_parts // grid.inner.length)
    region.n_workers = n_workers
    n_chunks = count_chunks(region.n_items, region.grain)
    return n_chunks > 1 and (n_chunks >= n_workers * COARSE or is_worth_sharing(loop, n_items // COARSE, n_workers))


cdef int run_grid(Grid* grid, Loop loop, Region* region) except -1:
    cdef cnp.ndarray scratch
    grid.scratch_size = max(<Py_ssize_t> BUFFER, <Py_ssize_t> SEGMENT) * grid.itemsize if grid.cast != NULL else 0
    scratch = np.empty(region.n_workers * grid.scratch_size, np.uint8)
    grid.scratch = cnp.PyArray_BYTES(scratch)
    region.body = reduce_rows if grid.inner.length == 1 else reduce_parts
    region.context = grid
    region.drop = NULL
    region.watches_flags = True
    began = now_ns()
    region_run(region)
    loop_learn(loop, (now_ns() - began) * min(region.n_workers, <int> cpu_budget()), n_items_of(grid))
    return report_flags("reduce", region.flags)


def reduce_grid(ufunc, cnp.ndarray array, tuple axes, cnp.dtype wanted, bint is_exact, int n_workers=0):
    """
    Reduce an array along some of its axes, its outputs shared by several workers.

    Parameters
    ----------
    ufunc : numpy.ufunc
        One whose reductions begin with its identity, or with the first item if it has none.
    array : ndarray
        What is reduced.
    axes : tuple of int
        Along which axes, of which there are fewer than the array has.
    wanted : dtype
        In which to reduce.
    is_exact : bool
        Whether the grouping of items makes no difference.
    n_workers : int
        0 for the default.

    Returns
    -------
    ndarray or None
        The outputs, with the axes kept. None where NumPy has to do it: for axes that do not join to a grid, too few outputs
        to be shared, and casts whose buffers would show.
    """
    cdef Grid grid
    cdef Region region
    cdef Loop loop = find_reduction(ufunc, array.dtype, wanted)
    cdef cnp.ndarray outputs
    if loop is None or loop.dtypes[0] != wanted or not cnp.PyArray_ISALIGNED(array) or not find_grid(array, axes, &grid):
        return None
    grid.cast = NULL
    if array.dtype != wanted:
        grid.cast = find_cast(ord(array.dtype.char), ord(wanted.char)) if np.can_cast(array.dtype, wanted, "safe") else NULL
        if grid.cast == NULL or (grid.inner.length == 1 and not is_exact):
            return None
    if grid.inner.length == 1 and not is_exact and grid.reduced.length > np.getbufsize() and order_of(wanted) != TREE:
        return None  # NumPy may take more than one buffer for an output
    if not set_chunks(&grid, loop, n_workers, &region):
        return None
    grid.loop = loop_bind(loop)
    grid.itemsize = wanted.itemsize
    grid.add_rows = add_rows_of(wanted) if ufunc is np.add and grid.cast == NULL and grid.inner.stride == grid.itemsize else NULL
    set_start(&grid, loop)
    outputs = allocate_outputs(array, axes, wanted)
    grid.outputs = cnp.PyArray_BYTES(outputs)
    run_grid(&grid, loop, &region)
    return outputs
