"""NumPy's iterators over the operands of a loop, one for each worker.

Broadcasting, casting, strides, order and overlap belong to them. They have the flags with which NumPy's ufuncs make theirs and one more, RANGED: each
worker jumps to the range of each chunk.
"""

cimport cython
cimport numpy as cnp
from cpython.ref cimport PyObject

from lightwork._core.loop cimport MAX_OPERANDS, Loop

cnp.import_array()

cdef extern from "numpy/arrayobject.h" nogil:
    # Declared without `except`: it answers whether it failed, also where no exception is set.
    int deallocate "NpyIter_Deallocate"(cnp.NpyIter*)
    void PyArray_DiscardWritebackIfCopy(cnp.ndarray)


@cython.final
cdef class Iterators:
    """The iterators of one call; what they write back to overlapping operands is there once they are gone."""

    cdef list filled(self):
        """The outputs, those included that the first iterator made."""
        cdef PyObject** arrays = <PyObject**> cnp.NpyIter_GetOperandArray(self.each[0])
        return [<object> arrays[self.loop.nin + i] if output is None else output for i, output in enumerate(self.outputs)]

    cdef int grow(self, int n_workers) except -1:
        """See that there is one for each worker. NumPy cannot copy those that write under a mask: to free the copy it reads what it has not set."""
        while self.count < n_workers:
            if self.loop.mask:
                self.each[self.count] = new_iterator(self.loop, self.operands, self.outputs)
            else:
                self.each[self.count] = cnp.NpyIter_Copy(self.each[0])
            self.count += 1
        return 0

    cdef int close(self) except -1:
        """Free the first one last: it resolves what COPY_IF_OVERLAP put aside."""
        cdef int failed = 0
        while self.count > 0:
            self.count -= 1
            failed |= deallocate(self.each[self.count]) != cnp.NPY_SUCCEED
        return -1 if failed else 0

    cdef int discard(self) except -1:
        """Of iterators that were not used, or not to their end: what was made to be written back is not whole."""
        cdef int i
        for i in range(self.loop.nin + self.loop.nout):
            PyArray_DiscardWritebackIfCopy(<cnp.ndarray> (<PyObject**> cnp.NpyIter_GetOperandArray(self.each[0]))[i])
        return 0

    cdef bint has_copies(self):
        """Whether an operand is put aside, which another iterator would know nothing of."""
        cdef int i
        cdef PyObject** arrays = <PyObject**> cnp.NpyIter_GetOperandArray(self.each[0])
        for i, array in enumerate(self.operands + self.outputs):
            if array is not <object> arrays[i]:
                return True
        return False

    def __dealloc__(self):
        self.close()


cdef void spare_outputs(Loop loop, cnp.npy_uint32* flags) noexcept:
    """Have buffers written back as the mask has it."""
    cdef int i
    flags[loop.mask] = cnp.NPY_ITER_READONLY | cnp.NPY_ITER_ARRAYMASK
    for i in range(loop.nin, loop.nin + loop.nout):
        flags[i] = flags[i] & ~cnp.NPY_ITER_WRITEONLY | cnp.NPY_ITER_READWRITE | cnp.NPY_ITER_WRITEMASKED


cdef cnp.NpyIter* new_iterator(Loop loop, list operands, list outputs) except NULL:
    cdef PyObject* arrays[MAX_OPERANDS]
    cdef PyObject* dtypes[MAX_OPERANDS]
    cdef cnp.npy_uint32 flags[MAX_OPERANDS]
    cdef int i
    cdef int n_operands = loop.nin + loop.nout
    for i in range(n_operands):
        dtypes[i] = <PyObject*> loop.dtypes[i]
        if i < loop.nin:
            arrays[i] = <PyObject*> operands[i]
            flags[i] = cnp.NPY_ITER_READONLY | cnp.NPY_ITER_ALIGNED | cnp.NPY_ITER_OVERLAP_ASSUME_ELEMENTWISE
        else:
            output = outputs[i - loop.nin]
            arrays[i] = <PyObject*> output
            if output is None:
                arrays[i] = NULL
            flags[i] = (cnp.NPY_ITER_WRITEONLY | cnp.NPY_ITER_ALIGNED | cnp.NPY_ITER_ALLOCATE | cnp.NPY_ITER_NO_BROADCAST
                        | cnp.NPY_ITER_NO_SUBTYPE | cnp.NPY_ITER_OVERLAP_ASSUME_ELEMENTWISE)
    if loop.mask:
        spare_outputs(loop, flags)
    return cnp.NpyIter_AdvancedNew(
        n_operands, <cnp.PyArrayObject**> arrays,
        cnp.NPY_ITER_EXTERNAL_LOOP | cnp.NPY_ITER_ZEROSIZE_OK | cnp.NPY_ITER_BUFFERED | cnp.NPY_ITER_GROWINNER
        | cnp.NPY_ITER_DELAY_BUFALLOC | cnp.NPY_ITER_RANGED | cnp.NPY_ITER_COPY_IF_OVERLAP,
        cnp.NPY_KEEPORDER,
        cnp.NPY_UNSAFE_CASTING,  # what may be cast was settled when the loop was found
        flags, <cnp.PyArray_Descr**> dtypes, -1, NULL, NULL, 0)


cdef Iterators new_iterators(Loop loop, list operands, list outputs):
    cdef Iterators iterators = Iterators.__new__(Iterators)
    iterators.loop = loop
    iterators.operands = operands
    iterators.outputs = outputs
    try:
        iterators.each[0] = new_iterator(loop, operands, outputs)
    except (TypeError, ValueError):  # NumPy's to raise, with its own words
        return None
    iterators.count = 1
    if cnp.NpyIter_IterationNeedsAPI(iterators.each[0]) or (loop.mask and iterators.has_copies()):
        iterators.discard()
        return None
    return iterators
