"""The condition of a handle that somebody waits for."""

cdef class Condition:
    cdef readonly object lock
    cdef object waited_for  # a threading.Condition with the same lock
    cdef object full(self)
