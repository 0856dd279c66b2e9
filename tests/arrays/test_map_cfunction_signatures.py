"""The signature of a C function: read from its name or its declared types, and refused where it is not one of those offered."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits
from cfunctions import abs64, capsule_of, cos, declare, libc, libm, one_by_one
from scipy import LowLevelCallable
from scipy.special import cython_special
from strategies import Array

from lightwork import chunked_map

SIGNATURES = [
    b"double (double)", b"double(double)", b" double ( double ) ", b"double (double x)", b"double (const double)",
    b"const double (double const x)", b"double (double, void *)", b"double (double, const void* data)", b"double(double x,void*data)",
]  # fmt: skip


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_capsule_is_named_by_its_signature(signature: bytes) -> None:
    """Any capsule whose name is a C signature will do, however its blanks fall, and whether things are named or constant."""
    capsule = capsule_of(cos, signature)
    assert_same_bits(chunked_map(capsule, np.arange(90.0), chunk_size=16, workers=2), one_by_one(cos, "d", np.arange(90.0)))


class Point(ctypes.Structure):
    """No number."""

    _fields_ = (("x", ctypes.c_double),)


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "undeclared": (lambda: libm["cos"], "argtypes"),
    "nothing in": (lambda: declare(libc, "rand", ctypes.c_int), "()"),
    "nothing out": (lambda: declare(libc, "srand", None, ctypes.c_int), "'void (int32_t)'"),
    "mixed": (lambda: declare(libm, "ldexp", ctypes.c_double, ctypes.c_double, ctypes.c_int), "double (double, int32_t)"),
    "text": (lambda: declare(libc, "atof", ctypes.c_double, ctypes.c_char_p), "c_char_p"),
    "a structure": (lambda: declare(libm, "cos", ctypes.c_double, Point), "Point"),
    "five arguments": (lambda: declare(libm, "cos", *[ctypes.c_double] * 6), "double, double, double, double, double)"),
    "complex": (lambda: cython_special.__pyx_capi__["__pyx_fuse_0gamma"], "__pyx_t_double_complex"),
    "mixed in SciPy": (lambda: LowLevelCallable(declare(libm, "ldexp", ctypes.c_double, ctypes.c_double, ctypes.c_int)), "int"),
    "another capsule": (lambda: np._core._multiarray_umath._UFUNC_API, "capsule"),  # type: ignore[attr-defined]
}


def assert_refused(function: Any, found: str, *arrays: Array) -> None:
    """The TypeError shows what was found and lists what is taken."""
    with pytest.raises(TypeError) as caught:
        chunked_map(function, *arrays)
    message = str(caught.value)
    assert found in message
    assert all(kind in message for kind in ("double", "float", "int32", "int64", "void *")), message


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_signature_says_what_was_expected(case: str) -> None:
    """What has no types, or those of another function, is refused before it is called."""
    make, found = WRONG[case]
    assert_refused(make(), found, np.arange(9.0))


UNLIKE = [
    b"double (double *)", b"double *(double)", b"double (const double *x)", b"double (double **)", b"double (double[])", b"double (void *)",
    b"double (double, void **)", b"unsigned int (unsigned int)", b"unsigned (unsigned)", b"int unsigned (int unsigned)", b"size_t (size_t)",
    b"unsigned long (unsigned long)", b"long unsigned (long unsigned)", b"unsigned long long (unsigned long long)", b"uint32_t (uint32_t)",
    b"short (short)", b"int short (int short)", b"char (char)", b"long double (long double)", b"double long (double long)",
    b"double complex (double complex)", b"complex double (complex double)", b"double _Complex (double _Complex x)", b"float complex (float complex)",
    b"double (unsigned)", b"double (double, float)", b"double (double, int)", b"void (double)", b"double (void)", b"double ()",
    b"double (double, ...)", b"double (double (*)(double))", b"double [double]", b"double (double", b"double (double,)", b"double", b"",
]  # fmt: skip


@pytest.mark.parametrize("signature", UNLIKE)
def test_a_type_that_is_not_offered_is_not_taken_for_one(signature: bytes) -> None:
    """No pointer, complex, unsigned, short or long variety is read as the plain number whose name is part of its own."""
    arrays = [np.arange(9)] * max(1, signature.count(b","))
    assert_refused(capsule_of(abs64, signature), repr(signature.decode()), *arrays)


OTHER_CTYPES = [
    ctypes.c_bool, ctypes.c_char, ctypes.c_short, ctypes.c_uint, ctypes.c_size_t, ctypes.c_longdouble, ctypes.c_wchar_p,
    ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_int), type("double", (ctypes.Structure,), {}),
]  # fmt: skip


@pytest.mark.parametrize("kind", OTHER_CTYPES, ids=repr)
@pytest.mark.parametrize("place", ["result", "first", "second"])
def test_a_ctypes_type_that_is_not_offered_is_shown(kind: Any, place: str) -> None:
    """Anything but the four numbers is named as what it is, a structure too that is called like one of them."""
    types = {"result": [kind, ctypes.c_double], "first": [ctypes.c_double, kind], "second": [ctypes.c_double, ctypes.c_double, kind]}[place]
    assert_refused(declare(libm, "cos", *types), repr(kind), *[np.arange(9.0)] * (len(types) - 1))
