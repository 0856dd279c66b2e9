"""How far a call has come, as it says itself."""

cdef class Report:
    cdef object _latest
    cdef tuple _listeners
    cdef readonly object cancelled  # of the item in which the call was submitted, if it was in one
