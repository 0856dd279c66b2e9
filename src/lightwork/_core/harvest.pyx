"""Harvesting: each piece of what a program computes is reduced while it is in the cache, and never becomes an array.

Pieces of sums are the leaves of NumPy's own; where any grouping gives the same they are as long as each other. NumPy's loop reduces either.
"""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from cpython.exc cimport PyErr_Clear
from libc.string cimport memcpy

from lightwork._core.atomics cimport now_ns
from lightwork._core.job cimport FE_ALL_EXCEPT, feclearexcept, fetestexcept
from lightwork._core.line cimport Line
from lightwork._core.loop cimport MAX_OPERANDS, AuxData, BoundLoop, Loop, StridedLoop, bound_call, loop_bind, loop_learn, npy_intp
from lightwork._core.operands cimport is_plain, plain_stride, widest
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.run cimport Run
from lightwork._core.sharing cimport choose_grain
from lightwork._core.summation cimport Summing, add_leaf, begin_summing, count_leaves, find_leaf, join_leaves, order_of

cnp.import_array()

cdef enum:
    PIECE = 2048    # items, which with the program's own blocks stay in a core's cache

cdef struct Harvest:
    StridedLoop* program
    void* context
    char* desks
    npy_intp desk_step
    int n_inputs
    char* data[MAX_OPERANDS]
    npy_intp strides[MAX_OPERANDS]
    BoundLoop reduction
    bint is_sum                # in an order of NumPy's, which `summing` knows
    Summing summing
    Py_ssize_t n_items
    Py_ssize_t longest         # items of a piece
    npy_intp itemsize
    char* results              # one for each piece
    char* scratch              # a piece for each worker
    int* flags                 # that reducing raised, for each worker


cdef inline int compute_piece(Harvest* harvest, Py_ssize_t start, npy_intp count, char* scratch, int worker) noexcept nogil:
    cdef char* data[MAX_OPERANDS]
    cdef npy_intp strides[MAX_OPERANDS]
    cdef int i
    for i in range(harvest.n_inputs):
        data[i] = harvest.data[i] + start * harvest.strides[i]
        strides[i] = harvest.strides[i]
    data[harvest.n_inputs] = scratch
    strides[harvest.n_inputs] = harvest.itemsize
    return harvest.program(harvest.context, data, &count, strides, <AuxData*> (harvest.desks + worker * harvest.desk_step))


cdef inline int reduce_piece(Harvest* harvest, char* result, char* scratch, npy_intp count) noexcept nogil:
    """Begin with the first item, and take the others in."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    memcpy(result, scratch, harvest.itemsize)
    data[0] = data[2] = result
    data[1] = scratch + harvest.itemsize
    strides[0] = strides[2] = 0  # by which the loop knows that it is to reduce
    strides[1] = harvest.itemsize
    return bound_call(&harvest.reduction, data, count - 1, strides)


cdef inline int harvest_piece(Harvest* harvest, Py_ssize_t piece, char* scratch, int worker) noexcept nogil:
    cdef Py_ssize_t start = piece * PIECE
    cdef Py_ssize_t stop = min(start + PIECE, harvest.n_items)
    if harvest.is_sum:
        find_leaf(&harvest.summing, piece, &start, &stop)
    if compute_piece(harvest, start, stop - start, scratch, worker):
        return 1
    if harvest.is_sum:
        return add_leaf(&harvest.summing, piece, scratch, harvest.itemsize, stop - start)
    return reduce_piece(harvest, harvest.results + piece * harvest.itemsize, scratch, stop - start)


cdef int harvest_pieces(void* context, Py_ssize_t first, Py_ssize_t last, int worker) noexcept nogil:
    """The body: one piece after the other, computed and reduced."""
    cdef Harvest* harvest = <Harvest*> context
    cdef Py_ssize_t piece
    for piece in range(first, last):
        if harvest_piece(harvest, piece, harvest.scratch + worker * harvest.longest * harvest.itemsize, worker):
            return give_up()
        note_flags(&harvest.flags[worker])
    return 0


cdef int give_up() noexcept with gil:
    """No loop in here raises; what failed is memory, of which the caller tells."""
    PyErr_Clear()
    return 1


cdef inline void note_flags(int* flags) noexcept nogil:
    """Keep what reducing raised apart from what the program's steps raise."""
    cdef int raised = fetestexcept(FE_ALL_EXCEPT)
    if raised:
        flags[0] |= raised
        feclearexcept(FE_ALL_EXCEPT)


cdef bint is_harvestable(Run run, list operands, Py_ssize_t n_items):
    """Whether a pointer and a stride walk all operands in one order, and no loop of the program may raise."""
    cdef cnp.ndarray like = widest(operands)
    cdef int i
    if run.may_raise or run.nout != 1 or like.size != n_items:
        return False
    if like.ndim > 1 and not cnp.PyArray_IS_C_CONTIGUOUS(like) and not cnp.PyArray_IS_F_CONTIGUOUS(like):
        return False
    for i in range(run.nin):
        if not is_plain(operands[i], like, run.dtypes[i]):
            return False
    return True


cdef int begin(Harvest* harvest, Run run, list operands, Loop reduction, bint is_sum, Py_ssize_t n_items) except -1:
    cdef Line line
    cdef cnp.ndarray array
    cdef cnp.dtype dtype = run.dtypes[run.nin]
    harvest.program = run.function
    harvest.context = run.context
    harvest.desks = <char*> run.auxdata
    harvest.desk_step = run.auxdata_step
    harvest.n_inputs = run.nin
    harvest.reduction = loop_bind(reduction)
    harvest.is_sum = is_sum
    harvest.n_items = n_items
    harvest.longest = PIECE
    harvest.itemsize = dtype.itemsize
    for i, array in enumerate(operands):
        harvest.data[i] = cnp.PyArray_BYTES(array)
        harvest.strides[i] = plain_stride(array)
    if is_sum:
        line.data = NULL  # there will be no array
        line.stride = dtype.itemsize
        line.n_items = n_items
        begin_summing(&harvest.summing, reduction, &line, order_of(dtype), PIECE)
        harvest.longest = harvest.summing.max_leaf
    return 0


cdef cnp.ndarray harvest(Run run, list operands, Loop reduction, bint is_sum, Py_ssize_t n_items, int n_workers, int* flags):
    """
    Reduce what a seated run computes of operands that `is_harvestable` allowed, by a loop of the result's dtype.

    Returns the pieces' results, of which a sum leaves one; `flags` are those that reducing raised.
    """
    cdef Harvest harvest
    begin(&harvest, run, operands, reduction, is_sum, n_items)
    cdef Py_ssize_t n_pieces = count_leaves(&harvest.summing) if is_sum else count_chunks(n_items, PIECE)
    cdef cnp.ndarray results = np.empty(n_pieces, run.dtypes[run.nin])
    cdef cnp.ndarray scratch = np.empty(n_workers * harvest.longest, run.dtypes[run.nin])
    cdef cnp.ndarray raised = np.zeros(n_workers, np.intc)
    harvest.results = harvest.summing.sums = cnp.PyArray_BYTES(results)
    harvest.scratch = cnp.PyArray_BYTES(scratch)
    harvest.flags = <int*> cnp.PyArray_BYTES(raised)
    run_harvest(&harvest, run, n_pieces, n_workers)
    flags[0] = np.bitwise_or.reduce(raised)
    if is_sum:
        flags[0] |= join_leaves(&harvest.summing)
        results = results[:1]
    return results


cdef int run_harvest(Harvest* harvest, Run run, Py_ssize_t n_pieces, int n_workers) except -1:
    """Run the body, and learn what an item costs."""
    cdef Region region
    region.body = harvest_pieces
    region.context = harvest
    region.drop = NULL
    region.n_items = n_pieces
    region.grain = max(1, choose_grain(run, harvest.n_items, n_workers, harvest.longest) // harvest.longest)
    region.n_workers = n_workers
    region.watches_flags = True
    began = now_ns()
    region_run(&region)
    if region.code:
        raise MemoryError("no memory for a fused function")
    loop_learn(run, (now_ns() - began) * min(region.n_workers, <int> cpu_budget()), harvest.n_items)
    return 0
