"""C functions of one item: called for each item of broadcast arrays, whoever made the pointer."""

import ctypes
import re
import warnings
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits, chunks_during
from cfunctions import abs32, abs64, atan2, cos, expm1f, fma, fmodf, one_by_one
from hypothesis import given
from hypothesis import strategies as st
from scipy import LowLevelCallable, special
from scipy.special import cython_special
from strategies import WORKERS, Array, Operand, Tuning, broadcastable, examples, tunings, values

from lightwork import chunked_map

each_team = pytest.mark.parametrize("workers", WORKERS)


POINTERS = {"cos": (cos, "d"), "atan2": (atan2, "d"), "fma": (fma, "d"), "expm1f": (expm1f, "f"), "fmodf": (fmodf, "f"),
            "abs": (abs32, "i"), "llabs": (abs64, "q")}  # fmt: skip


@each_team
@pytest.mark.parametrize("name", POINTERS)
def test_a_ctypes_pointer_is_called_for_each_item(name: str, workers: int) -> None:
    """A declared pointer gives what it gives one item at a time, in the dtype that it returns."""
    function, dtype = POINTERS[name]
    inputs = [values(dtype, 200, seed) for seed in range(len(function.argtypes))]
    with np.errstate(all="ignore"):
        result = chunked_map(function, *inputs, chunk_size=16, workers=workers)
    assert_same_bits(result, one_by_one(function, dtype, *inputs))


@examples(80)
@given(broadcastable(2, ("d", "f", "i", "h", "?", ">f8", ">i2")), tunings())
def test_operands_broadcast_and_are_cast(operands: tuple[Operand, Operand], tuning: Tuning) -> None:
    """Operands of any layout, and of any dtype that fits into the function's, meet as in a ufunc."""
    inputs = [operand.build() for operand in operands]
    expected = one_by_one(atan2, "d", *inputs)
    result = chunked_map(atan2, *inputs, **tuning.keywords)
    np.testing.assert_array_equal(result, expected)
    assert np.shape(result) == expected.shape and result.dtype == expected.dtype


def test_a_c_function_runs_in_chunks() -> None:
    """It needs no GIL, so it is cut up."""
    assert chunks_during(chunked_map, cos, np.arange(1000.0), chunk_size=100, workers=2) == 10


def test_numbers_give_a_number() -> None:
    """Inputs without a dimension give a scalar, empty ones an empty array."""
    assert_same_bits(chunked_map(cos, 1.5), np.float64(cos(1.5)))
    assert_same_bits(chunked_map(atan2, np.empty((0, 3)), 1.0), np.empty((0, 3)))


@each_team
def test_out_receives_the_results(workers: int) -> None:
    """``out=`` is filled and returned, also when it is the input, reversed, or wider than the function's type."""
    numbers = np.linspace(-9, 9, 300)
    expected = one_by_one(cos, "d", numbers)
    for out in (np.empty(300), np.empty(600)[::-2], np.empty(300, "g")):
        assert chunked_map(cos, numbers, out=out, chunk_size=16, workers=workers) is out
        np.testing.assert_array_equal(out, expected)
    chunked_map(cos, numbers, out=numbers[::-1], chunk_size=16, workers=workers)
    np.testing.assert_array_equal(numbers[::-1], expected)


@each_team
def test_floating_point_errors_are_reported_once(workers: int) -> None:
    """As after a ufunc: under the caller's ``np.errstate``, once for the call, at the caller's line, by its name."""
    numbers = np.ones(200)
    numbers[[3, 199]] = np.inf
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        chunked_map(cos, numbers, chunk_size=16, workers=workers)
    assert [str(warning.message) for warning in seen] == ["invalid value encountered in cos"]
    assert seen[0].filename == __file__
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError, match="^invalid value encountered in cos$"):
        chunked_map(cos, numbers, chunk_size=16, workers=workers)


def test_a_callback_into_python_may_be_called() -> None:
    """A ``CFUNCTYPE`` takes the GIL for itself, in whichever thread it runs."""
    double = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: 2 * x)
    np.testing.assert_array_equal(chunked_map(double, np.arange(200.0), chunk_size=8, workers=3), np.arange(200.0) * 2)


def test_a_low_level_callable_of_ctypes() -> None:
    """SciPy's wrapper is opened."""
    numbers = np.linspace(-9, 9, 300)
    result = chunked_map(LowLevelCallable(cos), numbers, chunk_size=16, workers=2)
    assert_same_bits(result, one_by_one(cos, "d", numbers))


@each_team
def test_user_data_is_passed_on(workers: int) -> None:
    """The last ``void *`` of a low-level callable gets its user data, each callable its own."""

    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)  # type: ignore[untyped-decorator]
    def scale(x: float, data: int) -> float:
        return x * float(ctypes.cast(data, ctypes.POINTER(ctypes.c_double))[0])

    for factor in (2.0, 5.0):
        data = ctypes.cast(ctypes.pointer(ctypes.c_double(factor)), ctypes.c_void_p)
        result = chunked_map(LowLevelCallable(scale, data), np.arange(100.0), chunk_size=8, workers=workers)
        np.testing.assert_array_equal(result, np.arange(100.0) * factor)


CYTHON = {"j1": (special.j1, "d"), "agm": (special.agm, "d"), "__pyx_fuse_1gamma": (special.gamma, "d"),
          "__pyx_fuse_1expit": (special.expit, "f")}  # fmt: skip


@pytest.mark.parametrize("name", CYTHON)
@each_team
def test_cython_functions_of_scipy(name: str, workers: int) -> None:
    """A function that Cython exports, by capsule and by ``LowLevelCallable.from_cython``, equals SciPy's ufunc of it."""
    ufunc, dtype = CYTHON[name]
    inputs = [np.linspace(0.1, 9, 300).astype(dtype) + seed for seed in range(ufunc.nin)]
    for function in (cython_special.__pyx_capi__[name], LowLevelCallable.from_cython(cython_special, name)):
        assert_same_bits(chunked_map(function, *inputs, chunk_size=16, workers=workers), ufunc(*inputs))


NUMBA_SIGNATURES = {"float64(float64, float64)": "d", "float32(float32, float32)": "f", "int64(int64, int64)": "q"}


@pytest.mark.parametrize("signature", NUMBA_SIGNATURES)
def test_a_numba_cfunc(signature: str) -> None:
    """What ``@cfunc`` compiles is a C function like any other."""
    numba = pytest.importorskip("numba")

    @numba.cfunc(signature)  # type: ignore[untyped-decorator]
    def larger(x: Any, y: Any) -> Any:
        return x if x > y else y  # noqa: FURB136 - max() treats NaN otherwise

    dtype = NUMBA_SIGNATURES[signature]
    first, second = values(dtype, 300), values(dtype, 300, 1)
    with np.errstate(all="ignore"):
        expected = np.where(first > second, first, second)
        for workers in WORKERS:
            assert_same_bits(chunked_map(larger, first, second, chunk_size=16, workers=workers), expected)


def test_a_numba_cfunc_of_another_type_is_told_what_is_expected() -> None:
    """Complex numbers have no ctypes type: the error names the function, and what is taken."""
    numba = pytest.importorskip("numba")

    @numba.cfunc("complex128(complex128)")  # type: ignore[untyped-decorator]
    def twice(x: Any) -> Any:
        return x + x

    with pytest.raises(TypeError, match="twice.*it takes a C function"):
        chunked_map(twice, np.ones(9, complex))


CFFI = {"cos": ("double cos(double);", "d", 1), "atan2f": ("float atan2f(float, float);", "f", 2)}


@pytest.mark.parametrize("name", CFFI)
@each_team
def test_a_pointer_of_cffi(name: str, workers: int) -> None:
    """A function that cffi finds in a library, by its address, has the signature that it was declared with."""
    declaration, dtype, nin = CFFI[name]
    ffi = pytest.importorskip("cffi").FFI()
    ffi.cdef(declaration)
    library = ffi.dlopen(None)
    inputs = [np.linspace(0.1, 9, 300).astype(dtype) + seed for seed in range(nin)]
    expected = np.array([getattr(library, name)(*items) for items in zip(*inputs, strict=True)], dtype)
    assert_same_bits(chunked_map(ffi.addressof(library, name), *inputs, chunk_size=16, workers=workers), expected)


def test_data_of_cffi_is_no_function() -> None:
    """What cffi holds that is no function is refused by its name."""
    ffi = pytest.importorskip("cffi").FFI()
    with pytest.raises(TypeError, match=re.escape("cffi 'int[3]'")):
        chunked_map(ffi.new("int[3]"), np.arange(9.0))


@pytest.mark.parametrize("arrays", [(1.0,), (1.0, 2.0, 3.0)])
def test_a_wrong_number_of_arrays_is_counted(arrays: tuple[float, ...]) -> None:
    """Too few or too many arrays for the function's arguments: both numbers are named."""
    with pytest.raises(TypeError, match=rf"2 arrays\b.*\b{len(arrays)}\b"):
        chunked_map(atan2, *arrays)


UNFIT: dict[str, tuple[Array, dict[str, Any], type[Exception]]] = {
    "complex input": (np.ones(9, complex), {}, TypeError),
    "object input": (np.ones(9, object), {}, TypeError),
    "text input": (np.array(["1"]), {}, TypeError),
    "masked input": (np.ma.masked_less(np.arange(9.0), 3), {}, TypeError),
    "integer out": (np.ones(9), {"out": np.ones(9, int)}, TypeError),
    "long out": (np.ones(9), {"out": np.ones(10)}, ValueError),
    "listed out": (np.ones(9), {"out": [0.0] * 9}, TypeError),
    "read-only out": (np.ones(9), {"out": np.broadcast_to(1.0, 9)}, ValueError),
    "another dtype": (np.ones(9), {"dtype": np.float32}, TypeError),
}


@pytest.mark.parametrize("case", UNFIT)
def test_operands_that_do_not_fit_are_refused(case: str) -> None:
    """What cannot be cast to the function's type, or hold its results, is refused before it is called."""
    array, keywords, kind = UNFIT[case]
    calls: list[float] = []

    @ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)  # type: ignore[untyped-decorator]
    def function(x: float) -> float:
        calls.append(x)
        return x

    with pytest.raises(kind):
        chunked_map(function, array, **keywords)
    assert calls == []


def test_a_python_integer_has_to_fit() -> None:
    """As for a ufunc, a Python integer takes the function's type, and one that is too large for it is an error and not another number."""
    absolute = ctypes.CDLL(None).abs
    absolute.restype, absolute.argtypes = ctypes.c_int32, [ctypes.c_int32]
    assert chunked_map(absolute, -(2**31) + 1) == 2**31 - 1
    with pytest.raises(OverflowError):
        chunked_map(absolute, 2**31)


@examples(30)
@given(st.lists(st.integers(2, 5), min_size=2, max_size=3), st.lists(st.integers(2, 5), min_size=2, max_size=3))
def test_shapes_that_do_not_broadcast_are_shown(first: list[int], second: list[int]) -> None:
    """As NumPy does, the error shows the shapes; where they do fit, there is no error."""
    try:
        shape = np.broadcast_shapes(tuple(first), tuple(second))
    except ValueError:
        with pytest.raises(ValueError, match="broadcast"):
            chunked_map(atan2, np.ones(first), np.ones(second))
    else:
        assert chunked_map(atan2, np.ones(first), np.ones(second)).shape == shape
