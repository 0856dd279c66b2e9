"""Casts of blocks, by NumPy's own iterator: the one way to its casts that is public, runs without the GIL and knows every dtype.

Such an iterator is made to cast items that lie side by side into its buffer. It is moved from block to block by its base address, and what then is
in its buffer is the result.
"""

import numpy as np

cimport cython
cimport numpy as cnp
from cpython.ref cimport PyObject

from lightwork._core.loop cimport npy_intp

cnp.import_array()

cdef extern from "numpy/arrayobject.h" nogil:
    # Declared without `except`: with an error message asked for, these neither need the GIL nor set an exception.
    int reset_range "NpyIter_ResetToIterIndexRange"(cnp.NpyIter*, npy_intp, npy_intp, char**)
    int reset_base "NpyIter_ResetBasePointers"(cnp.NpyIter*, char**, char**)
    int deallocate "NpyIter_Deallocate"(cnp.NpyIter*)


@cython.final
cdef class Cast:
    """A cast, as an iterator that is copied for every worker and never run itself."""

    def __dealloc__(self):
        if self.iterator != NULL:
            deallocate(self.iterator)


cdef Cast new_cast(object source, object target, npy_intp block):
    """The cast that astype makes of items side by side; None where that needs the GIL."""
    cdef Cast cast = Cast.__new__(Cast)
    cdef cnp.npy_uint32 flags = cnp.NPY_ITER_READONLY
    cdef PyObject* array
    cdef PyObject* dtype = <PyObject*> target
    cast.zeros = np.zeros(block, source)
    cast.block = block
    array = <PyObject*> cast.zeros
    cast.iterator = cnp.NpyIter_AdvancedNew(
        1, <cnp.PyArrayObject**> &array,
        cnp.NPY_ITER_EXTERNAL_LOOP | cnp.NPY_ITER_BUFFERED | cnp.NPY_ITER_DELAY_BUFALLOC | cnp.NPY_ITER_RANGED,
        cnp.NPY_KEEPORDER, cnp.NPY_UNSAFE_CASTING, &flags, <cnp.PyArray_Descr**> &dtype, -1, NULL, NULL, block)
    return None if cnp.NpyIter_IterationNeedsAPI(cast.iterator) else cast


cdef int caster_begin(Caster* caster, Cast cast) except -1:
    caster.iterator = cnp.NpyIter_Copy(cast.iterator)
    caster.count = cast.block
    return 0


cdef void caster_end(Caster* caster) noexcept:
    """Free it; one that was never begun is all zeros."""
    if caster.iterator != NULL:
        deallocate(caster.iterator)


cdef int cast_block(Caster* caster, char* zeros, char* source, char** target, npy_intp count) noexcept nogil:
    """Let the iterator cast `count` items, which lie side by side, into its own buffer; `zeros` are a block of any dtype."""
    cdef char* message = NULL
    cdef int failed = 0
    if caster.count != count:
        # To change the range it reads once more what it was last set to; that is made to be something it can read.
        failed = reset_base(caster.iterator, &zeros, &message) != cnp.NPY_SUCCEED
        failed |= reset_range(caster.iterator, 0, count, &message) != cnp.NPY_SUCCEED
        caster.count = count
    failed |= reset_base(caster.iterator, &source, &message) != cnp.NPY_SUCCEED
    target[0] = cnp.NpyIter_GetDataPtrArray(caster.iterator)[0]
    return failed
