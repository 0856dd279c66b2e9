"""A grid of items, each of whose outputs is computed as NumPy does it.

The array is seen as a grid of three axes, from the widest stride to the narrowest: outer axes that are kept, those that are reduced, inner
ones that are kept. Without inner ones, NumPy's loop reduces the items of an output in one call. With them, it takes in one row after the other,
for all outputs of a row at a time. Neither depends on how the outputs are cut into chunks.
"""

from libc.string cimport memcpy

from lightwork._core.atomics cimport CACHE_LINE
from lightwork._core.cast cimport Cast
from lightwork._core.loop cimport BoundLoop, bound_call, npy_intp
from lightwork._core.rows cimport ROWS, AddRows
from lightwork._core.sharing cimport LANES

cdef enum:
    MAX_ITEM = 32         # bytes
    SEGMENT = 4096        # outputs of a row that are computed together, while they and a row's part are in the cache; a page of bytes
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


cdef inline char* scratch_of(Grid* grid, int worker) noexcept nogil:
    return grid.scratch + worker * grid.scratch_size


cdef inline void begin_outputs(Grid* grid, char* output, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
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


cdef inline int take_row(Grid* grid, char* output, char* first, Py_ssize_t count, int worker) noexcept nogil:
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


cdef inline int add_several(Grid* grid, char* output, char* first, Py_ssize_t count, int worker) noexcept nogil:
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


cdef inline int reduce_segment(Grid* grid, Py_ssize_t outer, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
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


cdef inline int reduce_part(Grid* grid, Py_ssize_t outer, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
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


cdef inline int reduce_parts(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body where there are inner axes: parts of rows of outputs."""
    cdef Grid* grid = <Grid*> context
    cdef Py_ssize_t i, part
    for i in range(start, stop):
        part = i % grid.n_parts
        if reduce_part(grid, i // grid.n_parts, start_of(grid, part), start_of(grid, part + 1), worker):
            return 1
    return 0


cdef inline int take_items(Grid* grid, char* output, char* first, npy_intp stride, Py_ssize_t count) noexcept nogil:
    """Let the loop reduce items to one output, in one call."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    strides[0] = strides[2] = 0  # by which the loop knows that it is to reduce
    strides[1] = stride
    data[0] = data[2] = output
    data[1] = first
    return bound_call(&grid.loop, data, count, strides)


cdef inline int take_cast(Grid* grid, char* output, char* first, Py_ssize_t count, int worker) noexcept nogil:
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


cdef inline int reduce_rows(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
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
