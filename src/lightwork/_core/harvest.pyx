"""Harvesting: each piece of what a program computes is reduced while it is in the cache, and never becomes an array.

Pieces of sums are the leaves of NumPy's own tree; where any grouping gives the same they are as long as each other. NumPy's loop reduces either.
"""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from libc.string cimport memcpy

from lightwork._core.atomics cimport now_ns
from lightwork._core.job cimport FE_ALL_EXCEPT, feclearexcept, fetestexcept
from lightwork._core.loop cimport MAX_OPERANDS, AuxData, BoundLoop, Loop, StridedLoop, bound_call, loop_bind, loop_learn, npy_intp
from lightwork._core.operands cimport is_plain, plain_stride, widest
from lightwork._core.pairwise cimport Tree, tree_cut, tree_join, tree_leaf, tree_n_leaves
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.program cimport CELL, Run
from lightwork._core.sharing cimport choose_grain

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
    bint is_tree
    Tree tree
    Py_ssize_t n_items
    npy_intp itemsize
    char* results              # one for each piece
    char* scratch              # a piece for each worker
    int* flags                 # that reducing raised, for each worker
    char nothing[CELL]         # -0.0, which added to a sum changes no bit of it


cdef inline void find_piece(Harvest* harvest, Py_ssize_t piece, Py_ssize_t* start, Py_ssize_t* stop) noexcept nogil:
    if harvest.is_tree:
        tree_leaf(&harvest.tree, piece, start, stop)
    else:
        start[0] = piece * PIECE
        stop[0] = min(start[0] + PIECE, harvest.n_items)


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
    """Begin with nothing, or where there is no such thing with the first item, and take the others in."""
    cdef npy_intp strides[3]
    cdef char* data[3]
    cdef bint from_first = not harvest.is_tree
    memcpy(result, scratch if from_first else harvest.nothing, harvest.itemsize)
    data[0] = data[2] = result
    data[1] = scratch + from_first * harvest.itemsize
    strides[0] = strides[2] = 0  # by which the loop knows that it is to reduce
    strides[1] = harvest.itemsize
    return bound_call(&harvest.reduction, data, count - from_first, strides)


cdef int harvest_pieces(void* context, Py_ssize_t first, Py_ssize_t last, int worker) noexcept nogil:
    """The body: one piece after the other, computed and reduced."""
    cdef Harvest* harvest = <Harvest*> context
    cdef char* scratch = harvest.scratch + worker * PIECE * harvest.itemsize
    cdef Py_ssize_t piece, start, stop
    for piece in range(first, last):
        find_piece(harvest, piece, &start, &stop)
        if compute_piece(harvest, start, stop - start, scratch, worker):
            return 1
        if reduce_piece(harvest, harvest.results + piece * harvest.itemsize, scratch, stop - start):
            return 1
        note_flags(&harvest.flags[worker])
    return 0


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


cdef int begin(Harvest* harvest, Run run, list operands, Loop reduction, bint is_tree, Py_ssize_t n_items) except -1:
    cdef cnp.ndarray array, nothing
    cdef cnp.dtype dtype = run.dtypes[run.nin]
    harvest.program = run.function
    harvest.context = run.context
    harvest.desks = <char*> run.auxdata
    harvest.desk_step = run.auxdata_step
    harvest.n_inputs = run.nin
    harvest.reduction = loop_bind(reduction)
    harvest.is_tree = is_tree
    harvest.n_items = n_items
    harvest.itemsize = dtype.itemsize
    for i, array in enumerate(operands):
        harvest.data[i] = cnp.PyArray_BYTES(array)
        harvest.strides[i] = plain_stride(array)
    if is_tree:
        harvest.tree = tree_cut(n_items, 2 if dtype.kind == "c" else 1, PIECE)
        nothing = np.array(complex(-0.0, -0.0) if dtype.kind == "c" else -0.0, dtype)
        memcpy(harvest.nothing, cnp.PyArray_BYTES(nothing), dtype.itemsize)
    return 0


cdef cnp.ndarray harvest(Run run, list operands, Loop reduction, bint is_tree, Py_ssize_t n_items, int n_workers, int* flags):
    """
    Reduce what a seated run computes of operands that `is_harvestable` allowed, by a loop of the result's dtype.

    Returns the pieces' results, of which a tree leaves one; `flags` are those that reducing raised.
    """
    cdef Harvest harvest
    cdef Region region
    cdef Py_ssize_t n_pieces
    begin(&harvest, run, operands, reduction, is_tree, n_items)
    n_pieces = tree_n_leaves(&harvest.tree) if is_tree else count_chunks(n_items, PIECE)
    cdef cnp.ndarray results = np.empty(n_pieces, run.dtypes[run.nin])
    cdef cnp.ndarray scratch = np.empty(n_workers * PIECE, run.dtypes[run.nin])
    cdef cnp.ndarray raised = np.zeros(n_workers, np.intc)
    harvest.flags = <int*> cnp.PyArray_BYTES(raised)
    harvest.results = cnp.PyArray_BYTES(results)
    harvest.scratch = cnp.PyArray_BYTES(scratch)
    region.body = harvest_pieces
    region.context = &harvest
    region.drop = NULL
    region.n_items = n_pieces
    region.grain = max(1, choose_grain(run, n_items, n_workers, PIECE) // PIECE)
    region.n_workers = n_workers
    region.watches_flags = True
    began = now_ns()
    region_run(&region)
    loop_learn(run, (now_ns() - began) * min(region.n_workers, <int> cpu_budget()), n_items)
    flags[0] = np.bitwise_or.reduce(raised)
    if is_tree:
        feclearexcept(FE_ALL_EXCEPT)
        tree_join(&harvest.tree, &harvest.reduction, harvest.results, harvest.itemsize)
        flags[0] |= fetestexcept(FE_ALL_EXCEPT)
        results = results[:1]
    return results
