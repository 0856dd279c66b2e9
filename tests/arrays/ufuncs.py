"""NumPy's elementwise ufuncs, and which of their loops may run without the GIL: asked of NumPy, not of us."""

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np

DTypes = tuple[np.dtype[Any], ...]

_UNITS = {"M": "M8[s]", "m": "m8[s]"}


class _CallInfo(ctypes.Structure):
    """What NumPy keeps in the capsule ``numpy_1.24_ufunc_call_info``."""

    _fields_ = (
        ("strided_loop", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
        ("auxdata", ctypes.c_void_p),
        ("requires_pyapi", ctypes.c_bool),
        ("no_floatingpoint_errors", ctypes.c_bool),
    )


_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]


def needs_gil(ufunc: np.ufunc, dtypes: DTypes) -> bool:
    """Whether the loop that NumPy picks for inputs of these dtypes calls into Python."""
    _, call_info = ufunc._resolve_dtypes_and_context(dtypes + (None,) * ufunc.nout)  # type: ignore[attr-defined]
    ufunc._get_strided_loop(call_info)  # type: ignore[attr-defined]
    return bool(_CallInfo.from_address(_pointer_of(call_info, b"numpy_1.24_ufunc_call_info")).requires_pyapi)


def nogil_loops(ufunc: np.ufunc) -> Iterator[DTypes]:
    """The input dtypes of each loop of ``ufunc`` that runs without the GIL."""
    for loop in dict.fromkeys(types.partition("->")[0] for types in ufunc.types):
        dtypes = tuple(np.dtype(_UNITS.get(code, code)) for code in loop)
        if not needs_gil(ufunc, dtypes):
            yield dtypes


def _elementwise() -> list[np.ufunc]:
    """Every ufunc of the ``numpy`` namespace that has such a loop, each once whatever its aliases."""
    found = {id(ufunc): ufunc for ufunc in vars(np).values() if isinstance(ufunc, np.ufunc) and not ufunc.signature}
    return sorted((ufunc for ufunc in found.values() if any(nogil_loops(ufunc))), key=lambda ufunc: ufunc.__name__)


ELEMENTWISE = _elementwise()
