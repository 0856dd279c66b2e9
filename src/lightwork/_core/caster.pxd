"""Casts of blocks, by NumPy's own iterator."""

cimport numpy as cnp

from lightwork._core.loop cimport npy_intp

cdef enum:
    CELL = 32  # bytes of the longest number, a complex long double

# What one worker casts with: an iterator, and how many items it is set to.
cdef struct Caster:
    cnp.NpyIter* iterator
    npy_intp count

# A cast and the length of its longest block, to make casters of.
cdef class Cast:
    cdef cnp.NpyIter* iterator
    cdef object zeros       # a block of what it reads
    cdef npy_intp block

cdef Cast new_cast(object source, object target, npy_intp block)
cdef int caster_begin(Caster* caster, Cast cast) except -1
cdef void caster_end(Caster* caster) noexcept
cdef int cast_block(Caster* caster, char* zeros, char* source, char** target, npy_intp count) noexcept nogil
