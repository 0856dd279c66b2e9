"""A reduction with many outputs: an array is seen as a grid, and cut into chunks of outputs."""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from libc.string cimport memcpy

from lightwork._core.atomics cimport now_ns
from lightwork._core.cast cimport find_cast
from lightwork._core.flags cimport report_flags
from lightwork._core.loop cimport Loop, loop_bind, loop_learn
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.reduction cimport choose_reduction_grain, find_reduction
from lightwork._core.rows cimport add_rows_of
from lightwork._core.summation cimport TREE, order_of
from lightwork._core.line cimport join_axes, sort_axes
from lightwork._core.sharing cimport is_worth_sharing

cnp.import_array()

cdef enum:
    MAX_DIMENSIONS = 64
    NARROWEST = 64        # outputs; over fewer a row's part is not worth a call of the loop
    WIDE = 4096           # bytes: a page, in which a machine foresees what is read next; narrower parts of rows are read slower than whole rows
    WIDE_CAST = 512       # outputs, of items that are cast, which takes longer than to read them
    COARSE = 4            # chunks for each worker; of fewer each is long, and he who is late keeps the others waiting for it


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
