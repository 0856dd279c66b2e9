"""Floating-point status flags, as NumPy reports them."""

import numpy as np

cimport numpy as cnp

cnp.import_array()
cnp.import_ufunc()

cdef extern from "numpy/ufuncobject.h":
    int PyUFunc_GiveFloatingpointErrors(const char* name, int flags) except -1
    enum: NPY_FPE_DIVIDEBYZERO
    enum: NPY_FPE_OVERFLOW
    enum: NPY_FPE_UNDERFLOW
    enum: NPY_FPE_INVALID

cdef extern from "<cfenv>" nogil:
    const int FE_DIVBYZERO
    const int FE_OVERFLOW
    const int FE_UNDERFLOW
    const int FE_INVALID


cdef int report_flags(str name, int flags) except -1:
    """Warn, raise, call or stay silent as the caller's np.errstate has it, and at the caller's line; `name` is what they are said to be found in."""
    cdef int numpy_flags = 0
    if flags & FE_DIVBYZERO:
        numpy_flags |= NPY_FPE_DIVIDEBYZERO
    if flags & FE_OVERFLOW:
        numpy_flags |= NPY_FPE_OVERFLOW
    if flags & FE_UNDERFLOW:
        numpy_flags |= NPY_FPE_UNDERFLOW
    if flags & FE_INVALID:
        numpy_flags |= NPY_FPE_INVALID
    if numpy_flags:
        PyUFunc_GiveFloatingpointErrors(name.encode(), numpy_flags)
    return 0


cdef bint are_reported(int flags):
    """Whether the caller's np.errstate has anything done about them."""
    actions = np.geterr()
    return bool(
        flags & FE_DIVBYZERO and actions["divide"] != "ignore"
        or flags & FE_OVERFLOW and actions["over"] != "ignore"
        or flags & FE_UNDERFLOW and actions["under"] != "ignore"
        or flags & FE_INVALID and actions["invalid"] != "ignore"
    )
