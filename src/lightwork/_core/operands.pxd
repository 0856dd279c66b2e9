"""Plain operands: those that a pointer and one stride walk in the order of the result."""

cimport numpy as cnp

from lightwork._core.loop cimport npy_intp

cdef cnp.ndarray widest(list operands)
cdef bint is_plain(cnp.ndarray array, cnp.ndarray like, cnp.dtype dtype)
cdef npy_intp plain_stride(cnp.ndarray array)
cdef bint is_apart(cnp.ndarray output, list operands, list earlier, Py_ssize_t n_items)
cpdef bint may_overlap_itself(cnp.ndarray array)
cdef bint is_order_free(list outputs)
cdef bint would_overflow(object number, object dtype)
