"""A call on its way to the threads that items share."""

from lightwork._core.atomics cimport atomic

cdef class Errand:
    cdef readonly object handle
    cdef atomic[int] is_counted
    cdef int forks_seen
    cdef void end(self) noexcept
