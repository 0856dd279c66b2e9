"""Floating-point status flags, as NumPy reports them."""

import sys

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_WarnEx

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


cdef tuple KINDS = (
    ("divide", "divide by zero", FE_DIVBYZERO),
    ("over", "overflow", FE_OVERFLOW),
    ("under", "underflow", FE_UNDERFLOW),
    ("invalid", "invalid value", FE_INVALID),
)


cdef int report_flags(str name, int flags) except -1:
    """Warn, raise, call or stay silent as the caller's np.errstate has it, and at the caller's line; `name` is what they are said to be found in."""
    cdef int n_frames
    if flags & (FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID) == 0:
        return 0
    n_frames = count_own_frames()
    if n_frames == 0:
        return let_numpy_report(name, flags)
    actions = np.geterr()
    for kind, words, flag in KINDS:
        if flags & flag and actions[kind] == "warn":
            PyErr_WarnEx(RuntimeWarning, f"{words} encountered in {name}".encode(), n_frames + 1)
        else:
            let_numpy_report(name, flags & flag)
    return 0


cdef int count_own_frames():
    """How many frames of Python functions of ours lie between here and the caller."""
    cdef int n_frames = 0
    frame = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "lightwork":
        n_frames += 1
        frame = frame.f_back
    return n_frames


cdef int let_numpy_report(str name, int flags) except -1:
    """Do so at the line of the innermost Python function."""
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
