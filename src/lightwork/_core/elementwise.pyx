"""Elementwise loops over arrays: a plain walk where operands are contiguous, NumPy's own iterator where they are not."""

import numpy as np

from lightwork._cpus import cpu_budget

cimport numpy as cnp
from cpython.exc cimport PyErr_Occurred
from cpython.ref cimport PyObject

from lightwork._core.atomics cimport int64_t, now_ns
from lightwork._core.gil cimport gil_leave, gil_take
from lightwork._core.iterators cimport Iterators, new_iterators
from lightwork._core.loop cimport MAX_OPERANDS, AuxData, Loop, StridedLoop, loop_learn, minds_place, npy_intp
from lightwork._core.operands cimport is_apart, is_plain, plain_stride, widest
from lightwork._core.parallel cimport Region, count_chunks, region_run
from lightwork._core.pool_state cimport MAX_WORKERS
from lightwork._core.sharing cimport BUFFER, LANES, choose_grain

cnp.import_array()

cdef extern from "numpy/arrayobject.h" nogil:
    # Declared without `except`: with an error message asked for, these neither need the GIL nor set an exception.
    ctypedef int (*IterNext "NpyIter_IterNextFunc *")(cnp.NpyIter*)
    int reset_range "NpyIter_ResetToIterIndexRange"(cnp.NpyIter*, npy_intp, npy_intp, char**)
    IterNext get_iternext "NpyIter_GetIterNext"(cnp.NpyIter*, char**)

# --- What a chunk does ----------------------------------------------------------------------------------------------

cdef struct Walk:
    StridedLoop* function
    void* context
    char* auxdata
    npy_intp auxdata_step
    int n_operands
    bint may_raise
    PyObject* errors                # a list of (first item, exception), borrowed from the caller that waits
    # A plain walk:
    char* data[MAX_OPERANDS]
    npy_intp strides[MAX_OPERANDS]
    # One of NumPy's iterators for each worker:
    cnp.NpyIter** iterators
    IterNext iternext


cdef int catch_error(Walk* walk, npy_intp start, char* message=NULL) noexcept nogil:
    """Carry an exception that the loop set in this thread, or a message, over to the caller; 1 if there was one."""
    cdef bint is_taken = gil_take()
    cdef int failed = catch_exception(walk, start) if message == NULL else keep_message(walk, start, message)
    gil_leave(is_taken)
    return failed


cdef int catch_exception(Walk* walk, npy_intp start) noexcept with gil:
    if PyErr_Occurred() == NULL:
        return 0
    try:
        raise_current()
    except BaseException as error:
        (<list> walk.errors).append((start, error))
    return 1


cdef int raise_current() except -1:
    return -1


cdef int keep_message(Walk* walk, npy_intp start, char* message) noexcept with gil:
    (<list> walk.errors).append((start, RuntimeError(message.decode())))
    return 1


cdef inline int call_loop(Walk* walk, char** data, npy_intp count, npy_intp* strides, int worker) noexcept nogil:
    return walk.function(walk.context, data, &count, strides, <AuxData*> (walk.auxdata + worker * walk.auxdata_step))


cdef int walk_chunk(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body for operands that a pointer and a stride describe."""
    cdef Walk* walk = <Walk*> context
    cdef char* data[MAX_OPERANDS]
    cdef int i, failed
    for i in range(walk.n_operands):
        data[i] = walk.data[i] + start * walk.strides[i]
    failed = call_loop(walk, data, stop - start, walk.strides, worker)
    if failed or walk.may_raise:
        return catch_error(walk, start)
    return 0


cdef int iterate_chunk(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """The body for all other operands."""
    cdef Walk* walk = <Walk*> context
    cdef cnp.NpyIter* iterator = walk.iterators[worker]
    cdef char* message = NULL
    cdef char** data = cnp.NpyIter_GetDataPtrArray(iterator)
    cdef npy_intp* strides = cnp.NpyIter_GetInnerStrideArray(iterator)
    cdef npy_intp* count = cnp.NpyIter_GetInnerLoopSizePtr(iterator)
    cdef int failed = reset_range(iterator, start, stop, &message) != cnp.NPY_SUCCEED
    if failed:
        return catch_error(walk, start, message)
    while True:
        failed = call_loop(walk, data, count[0], strides, worker)
        if failed or not walk.iternext(iterator):
            break
    if failed or walk.may_raise:
        return catch_error(walk, start)
    return 0


# --- One call -------------------------------------------------------------------------------------------------------

cdef int raise_first(list errors) except -1:
    if errors:
        raise min(errors, key=lambda entry: entry[0])[1]
    return 0


cdef int share(Loop loop, Walk* walk, Region* region) except -1:
    """Run the region, learn what an item costs, report what happened."""
    cdef list errors = []
    cdef int64_t began
    walk.function = loop.function
    walk.context = loop.context
    walk.auxdata = <char*> loop.auxdata
    walk.auxdata_step = loop.auxdata_step
    walk.n_operands = loop.nin + loop.nout
    walk.may_raise = loop.may_raise
    walk.errors = <PyObject*> errors
    region.context = walk
    region.drop = NULL
    region.watches_flags = True
    began = now_ns()
    region_run(region)
    if region.code == 0 and region.n_items > 0:  # a call that was stopped says nothing of what its items cost
        loop_learn(loop, (now_ns() - began) * min(region.n_workers, <int> cpu_budget()), region.n_items)
    raise_first(errors)
    return loop.report(region.flags)


cdef object plain_outputs(Loop loop, list operands, list outputs, cnp.ndarray like):
    """The outputs, new ones in the memory order of `like` where none is given; None if this is not the plain case."""
    cdef int i
    cdef cnp.ndarray output
    filled = []
    for i in range(loop.nout):
        output = outputs[i]
        if output is None:
            output = np.empty_like(like, dtype=loop.dtypes[loop.nin + i])
        elif output.ndim == 0 or not is_plain(output, like, loop.dtypes[loop.nin + i]):
            return None
        elif not cnp.PyArray_ISWRITEABLE(output) or not is_apart(output, operands, filled, like.size):
            return None
        filled.append(output)
    return filled


cdef object try_walk(Loop loop, list operands, list outputs, Py_ssize_t n_items, Py_ssize_t grain, int n_workers):
    """The outputs after a plain walk, or None if the operands do not allow one."""
    cdef Walk walk
    cdef Region region
    cdef cnp.ndarray array
    cdef cnp.ndarray like = widest(operands)
    cdef int i
    for i in range(loop.nin):
        if not is_plain(operands[i], like, loop.dtypes[i]):
            return None
    if like.size != n_items or (like.ndim > 1 and not cnp.PyArray_IS_C_CONTIGUOUS(like) and not cnp.PyArray_IS_F_CONTIGUOUS(like)):
        return None
    filled = plain_outputs(loop, operands, outputs, like)
    if filled is None:
        return None
    for i, array in enumerate(operands + filled):
        walk.data[i] = cnp.PyArray_BYTES(array)
        walk.strides[i] = plain_stride(array)
    region.body = walk_chunk
    region.n_items = n_items
    region.n_workers = n_workers
    region.grain = grain if grain > 0 else choose_grain(loop, n_items, n_workers, LANES)
    share(loop, &walk, &region)
    return filled


cdef object iterate(Loop loop, list operands, list outputs, Py_ssize_t grain, int n_workers):
    """The outputs after a walk by iterators; None where iterating needs the GIL, or is NumPy's for another reason."""
    cdef Walk walk
    cdef Region region
    cdef cnp.NpyIter* first
    cdef Iterators iterators = new_iterators(loop, operands, outputs)
    if iterators is None:
        return None
    first = iterators.each[0]
    filled = iterators.filled()
    region.n_items = cnp.NpyIter_GetIterSize(first)
    if region.n_items == 0:
        return filled
    region.grain = grain if grain > 0 else choose_grain(loop, region.n_items, n_workers, BUFFER if cnp.NpyIter_RequiresBuffering(first) else LANES)
    region.n_workers = min(n_workers, MAX_WORKERS, count_chunks(region.n_items, region.grain))
    iterators.grow(region.n_workers)
    walk.iterators = iterators.each
    walk.iternext = get_iternext(first, NULL)
    region.body = iterate_chunk
    try:
        if walk.iternext == NULL:
            raise MemoryError("no memory for an iterator")
        share(loop, &walk, &region)
    except BaseException:
        iterators.discard()
        raise
    iterators.close()
    return filled


cdef object walk_in_place(Loop loop, list operands, list outputs, Py_ssize_t n_items, Py_ssize_t grain, int n_workers):
    """The outputs of a loop that minds where its items stand: in a plain walk, in chunks that end where vectors do, they stand as in NumPy. None
    for all else, a mask included, which begins a call of the loop after each gap."""
    if loop.nin > loop.fn.nin:
        return None
    return try_walk(loop, operands, outputs, n_items, (grain + LANES - 1) // LANES * LANES, n_workers)


cdef object run_elementwise(Loop loop, list operands, list outputs, Py_ssize_t n_items, Py_ssize_t grain, int n_workers):
    """
    Run a loop over arrays, broadcast and cast as NumPy does.

    `operands` are exact arrays, `outputs` exact arrays or None. `grain` is 0 to choose one. Returns the list of outputs, or None
    where this cannot be done without the GIL, with nothing written.
    """
    if minds_place(loop):
        return walk_in_place(loop, operands, outputs, n_items, grain, n_workers)
    filled = try_walk(loop, operands, outputs, n_items, grain, n_workers)
    return iterate(loop, operands, outputs, grain, n_workers) if filled is None else filled
