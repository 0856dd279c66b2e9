"""The operators of arrays."""

from lightwork.arrays.trace cimport Reference

cdef class Operators(Reference):
    pass

cdef object call_ufunc(Reference self, object ufunc, tuple inputs, tuple outputs, object dtype, object mask=*)
