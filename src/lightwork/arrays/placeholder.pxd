"""Placeholders of arrays."""

from lightwork.arrays.operators cimport Operators
from lightwork.arrays.trace cimport Trace

cdef class Placeholder(Operators):
    cdef object call_method(self, str name, tuple args, dict kwargs)
    cdef object ask_numpy(self, str name, object function, tuple args, dict kwargs)
    cdef object ask_ufunc(self, object ufunc, str method, tuple inputs, dict keywords)
    cdef object share(self, object result)

cdef Placeholder new_input(Trace trace, object array)
