"""What was found out once for a process."""

cdef class Cache:
    cdef dict entries
    cdef Py_ssize_t capacity
    cdef object get(self, object key)
    cdef object keep(self, object key, object value)
    cdef list values(self)
