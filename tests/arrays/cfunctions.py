"""C functions of the system's libraries, and pointers to them in every wrapping."""

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import Any

import numpy as np

libm = ctypes.CDLL(ctypes.util.find_library("m"))
libc = ctypes.CDLL(None)


def declare(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    """A fresh pointer to a C function, with its types declared."""
    function = library[name]
    function.restype, function.argtypes = result, arguments
    return function


cos = declare(libm, "cos", ctypes.c_double, ctypes.c_double)
atan2 = declare(libm, "atan2", ctypes.c_double, ctypes.c_double, ctypes.c_double)
fma = declare(libm, "fma", ctypes.c_double, ctypes.c_double, ctypes.c_double, ctypes.c_double)
expm1f = declare(libm, "expm1f", ctypes.c_float, ctypes.c_float)
fmodf = declare(libm, "fmodf", ctypes.c_float, ctypes.c_float, ctypes.c_float)
abs32 = declare(libc, "abs", ctypes.c_int, ctypes.c_int)
abs64 = declare(libc, "llabs", ctypes.c_longlong, ctypes.c_longlong)

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


def capsule_of(function: Any, signature: bytes) -> Any:
    """A pointer in a capsule of that name, which must live as long."""
    return _new_capsule(ctypes.cast(function, ctypes.c_void_p), signature, None)


def one_by_one(function: Callable[..., Any], dtype: str, *operands: Any) -> Any:
    """The function called from Python for each item: slow, and certain."""
    arrays = np.broadcast_arrays(*[np.asarray(operand).astype(dtype) for operand in operands])
    results = [function(*items) for items in zip(*[array.ravel().tolist() for array in arrays], strict=True)]
    return np.array(results, dtype).reshape(arrays[0].shape)
