"""The condition of a handle that somebody waits for."""

cdef class Condition:
    cdef readonly object lock
    cdef object waited_for  # a threading.Condition with the same lock
    cdef object full(self)

cdef class Settled:
    pass

# Of all that nobody has asked for before they were done.
cdef Settled settled
