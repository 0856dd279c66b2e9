"""Floating-point status flags, as NumPy reports them."""

cdef int report_flags(str name, int flags) except -1
cdef bint are_reported(int flags)
