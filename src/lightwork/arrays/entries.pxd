"""Writing down what a function does to its references."""

from lightwork._core.loop cimport Loop
from lightwork.arrays.trace cimport Trace, Value

cdef object operand_of(Trace trace, object operand)
cdef list enter(Trace trace, Loop loop, list operands, tuple shape, str name)
cdef list record(Trace trace, object ufunc, tuple inputs, tuple outputs, object dtype, object mask)
cdef int settle(Trace trace, list computed, tuple outputs) except -1
cdef tuple own_outputs(Trace trace, str name, object out)
cdef Value select(Trace trace, object condition, object x, object y)
cdef Value convert(Trace trace, object operand, object dtype, tuple shape)
