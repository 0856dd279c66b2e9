"""NumPy's iterators over the operands of a loop, one for each worker."""

cimport numpy as cnp

from lightwork._core.loop cimport Loop
from lightwork._core.pool_state cimport MAX_WORKERS

cdef class Iterators:
    cdef Loop loop
    cdef list operands
    cdef list outputs                    # None for those that the first iterator is to make
    cdef cnp.NpyIter* each[MAX_WORKERS]
    cdef int count
    cdef list filled(self)
    cdef int grow(self, int n_workers) except -1
    cdef int close(self) except -1
    cdef int discard(self) except -1
    cdef bint has_copies(self)

# With the first of them; None where NumPy has to make the whole call, with nothing written.
cdef Iterators new_iterators(Loop loop, list operands, list outputs)
