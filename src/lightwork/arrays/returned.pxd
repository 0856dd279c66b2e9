"""What a fused function returned."""

from lightwork.arrays.trace cimport Trace

cdef int check_out(object out) except -1
cdef object store(object result, object out)
cdef dict outs_for(object result, object out)
cdef int collect(object result, dict wanted) except -1
cdef object assemble(object result, dict arrays)
cdef int check_result(Trace trace, object result) except -1
