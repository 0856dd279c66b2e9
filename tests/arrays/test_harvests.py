"""Reductions of fused functions: NumPy's bits without the array in between."""

import functools
import inspect
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from bits import assert_same_outcome, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import WORKERS, examples, values

import lightwork as lw
from lightwork.arrays.declarations import DECLARATIONS
from lightwork.arrays.fuse import Fused

MANY = 100_000
NAMES = ("sum", "prod", "mean", "var", "std", "min", "max", "ptp", "any", "all", "argmin", "argmax", "count_nonzero", "average", "amin", "amax")
NAN_NAMES = ("nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin", "nanargmax")
ONE_PASS = ("sum", "mean", "min", "max", "any", "all")


def wave(x: Any) -> Any:
    """Compute something that has no sum to guess."""
    return x * x - x / 3


def assert_reduction_is_numpys(name: str, function: Any, *arrays: Any, **how: Any) -> None:
    """Hold a fused reduction to NumPy's of the plain result."""
    expected = outcome_of(lambda: getattr(np, name)(function(*arrays), **how))
    for workers in WORKERS:
        with lw.configure(workers=workers):
            assert_same_outcome(outcome_of(getattr(lw.fuse(function), name), *arrays, **how), expected)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["?", "b", "i", "Q", "e", "f", "d", "g", "F", "D"])
def test_every_reduction_of_every_dtype(name: str, dtype: str) -> None:
    """A reduction has NumPy's bits, dtype, warnings and errors, whatever is reduced."""
    assert_reduction_is_numpys(name, lambda x: x + x, values(dtype, MANY))


@pytest.mark.parametrize("name", NAMES)
def test_ordinary_numbers(name: str) -> None:
    """It is so for a result without NaN and infinities, in which each bit of a sum counts."""
    x = np.random.default_rng(5).standard_normal(MANY)
    assert_reduction_is_numpys(name, wave, x)
    assert_reduction_is_numpys(name, wave, x[::3])
    assert_reduction_is_numpys(name, wave, x.reshape(100, 1000))
    assert_reduction_is_numpys(name, wave, x.reshape(100, 1000).T)
    assert_reduction_is_numpys(name, lambda x: x + x[0], x.reshape(100, 1000))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_along_axes(name: str, axis: Any) -> None:
    """Along an axis the result's array is reduced."""
    if name.startswith("arg") and isinstance(axis, tuple):
        axis = -1
    assert_reduction_is_numpys(name, wave, values("d", MANY).reshape(250, 400), axis=axis)


@pytest.mark.parametrize("name", NAN_NAMES)
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_leaving_out_nan(name: str, axis: int | None) -> None:
    """Those that leave out NaN do so with what the function computed."""
    assert_reduction_is_numpys(name, lambda x: np.sqrt(x) - 1, np.random.default_rng(7).standard_normal((250, 400)), axis=axis)


def test_every_reduction_is_a_method() -> None:
    """Whatever reduces or runs on in ``lightwork.numpy``, and ``minmax``, is a method of a fused function, with NumPy's keywords."""
    declared = {name for declaration in DECLARATIONS for name in declaration.names if hasattr(np, name)}
    for name in declared:
        try:
            numpys = inspect.signature(getattr(np, name)).parameters.keys() - {"a", "x"}
        except ValueError:  # older NumPys' functions in C do not tell
            continue
        ours = inspect.signature(getattr(Fused, name)).parameters.keys() - {"self", "args", "kwargs"}
        assert ours == numpys, name
    assert hasattr(Fused, "minmax")


KEYWORDS: dict[str, dict[str, Any]] = {
    "sum": {"initial": 2.5, "where": np.arange(400) % 3 > 0, "keepdims": True},
    "prod": {"dtype": np.complex64, "axis": 1, "initial": 3},
    "mean": {"where": np.arange(400) > 7, "axis": (0, 1)},
    "var": {"ddof": 1, "axis": 0},
    "std": {"correction": 2},
    "average": {"axis": 1, "weights": np.arange(400.0), "returned": True},
    "min": {"initial": -0.0},
    "max": {"initial": 1e9, "where": np.arange(400) > 500, "axis": -1},
    "any": {"where": np.arange(400) > 500},
    "count_nonzero": {"axis": 0, "keepdims": True},
    "nansum": {"initial": 1, "axis": 0},
    "argmin": {"axis": 0, "keepdims": True},
    "histogram": {"bins": 7, "range": (0, 2), "density": True},
    "cumsum": {"axis": 1, "dtype": np.complex128},
    "cumprod": {"axis": 0},
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_keywords_are_numpys(name: str) -> None:
    """The arguments of a reduction mean what they mean to NumPy."""
    x = np.random.default_rng(8).standard_normal((250, 400))
    assert_reduction_is_numpys(name, wave, x, **KEYWORDS[name])


@pytest.mark.parametrize("name", ["sum", "mean", "min", "all", "argmax", "nanmax", "var"])
def test_out_of_a_reduction(name: str) -> None:
    """It is written and returned."""
    x = np.random.default_rng(9).standard_normal((250, 400))
    expected = getattr(np, name)(wave(x), axis=1)
    out = np.empty_like(expected)
    assert getattr(lw.fuse(wave), name)(x, axis=1, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("keepdims", [None, "yes", []])
def test_keepdims_that_is_no_answer(keepdims: Any) -> None:
    """NumPy has its word on it."""
    assert_reduction_is_numpys("sum", wave, values("d", MANY).reshape(250, 400), axis=0, keepdims=keepdims)


def test_counts_and_extremes() -> None:
    """So it is with what NumPy has under other names, or none."""
    x = np.arange(MANY)
    np.testing.assert_array_equal(lw.fuse(lambda x: x % 7).bincount(x, minlength=9), np.bincount(x % 7, minlength=9))
    assert lw.fuse(wave).minmax(x) == lw.minmax(wave(x))


@examples(60)
@given(n=st.integers(1, 60_000), workers=st.sampled_from(WORKERS), seed=st.integers(0, 99), complexes=st.booleans())
def test_sums_of_any_length(n: int, workers: int, seed: int, complexes: bool) -> None:
    """The sum is NumPy's wherever its tree is cut."""
    x = np.random.default_rng(seed).standard_normal(n) + (1j if complexes else 0)
    with lw.configure(workers=workers):
        assert lw.fuse(wave).sum(x).tobytes() == np.sum(wave(x)).tobytes()


@pytest.mark.parametrize("zeros", [[0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0]])
@pytest.mark.parametrize("name", ["min", "max", "sum"])
def test_signs_of_zero(name: str, zeros: list[float]) -> None:
    """A zero has the sign that NumPy gives it."""
    x = np.tile(zeros, MANY)
    assert_reduction_is_numpys(name, lambda x: x * 1, x)


@pytest.mark.parametrize(("name", "sign"), [("min", 1), ("max", -1), ("amax", -1)])
def test_an_extreme_that_is_zero_is_warned_of_once(name: str, sign: int) -> None:
    """Where the sign of a zero takes a second run, the first has told of all there is to tell."""
    assert_reduction_is_numpys(name, lambda x: sign * np.exp(x), np.linspace(-1000.0, 1000.0, MANY))


@pytest.mark.parametrize("name", ONE_PASS)
def test_no_array_is_made(name: str) -> None:
    """What such a reduction allocates is a fraction of the result that it reduces."""
    x = np.random.default_rng(6).standard_normal(1_000_000)
    fused = lw.fuse(wave)
    getattr(fused, name)(x)
    tracemalloc.start()
    try:
        getattr(fused, name)(x)
        getattr(fused, name)(x=x)
        assert tracemalloc.get_traced_memory()[1] < x.nbytes / 10
    finally:
        tracemalloc.stop()


def test_warnings_name_the_ufuncs_and_the_reduction() -> None:
    """Overflow of the function's and of the sum's are told apart, as NumPy tells them."""
    assert_reduction_is_numpys("sum", lambda x: x * 10, np.full(MANY, 1e304))
    assert_reduction_is_numpys("sum", lambda x: np.exp(x) + 1, np.full(MANY, 1000.0))


@pytest.mark.parametrize(
    "array", [np.array([1, 2.5, 3], object), np.float64(3), np.ma.masked_less(np.arange(9.0), 3)], ids=["objects", "scalar", "masked"]
)
def test_other_arrays_are_numpys_own(array: Any) -> None:
    """What is no plain array is reduced by NumPy."""
    assert_reduction_is_numpys("sum", wave, array)


def test_keywords_of_the_function() -> None:
    """Keywords that are not the reduction's are the function's."""
    assert lw.fuse(lambda x, shift: x + shift).sum(np.arange(5.0), shift=2) == 20.0


def scaled(x: Any, *, factor: float = 2.0) -> Any:
    """A function with a keyword of its own."""
    return x * factor


@pytest.mark.parametrize(("name", "keyword"), [("min", "dtype"), ("mean", "initial"), ("sum", "foo")])
def test_keywords_that_nobody_takes(name: str, keyword: str) -> None:
    """The error names the reduction, as NumPy's does, and the function."""
    with pytest.raises(TypeError, match=rf"{name}\(\) got an unexpected keyword argument '{keyword}', which the function does not take either"):
        getattr(lw.fuse(scaled), name)(np.arange(5.0), **{keyword: 1})
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        getattr(lw.fuse(functools.partial(scaled, factor=2)), name)(np.arange(5.0), **{keyword: 1})
    assert lw.fuse(scaled).max(np.arange(5.0), factor=3) == 12.0
    assert lw.fuse(np.sqrt).max(np.arange(5.0), dtype="f4") == 2.0  # nobody knows what a ufunc takes


def test_warnings_point_at_the_caller() -> None:
    """What the function's ufuncs and the reduction raise is told at the line of the call, so that each place is told apart."""
    fused = lw.fuse(lambda x: x * 10)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fused.sum(np.full(MANY, 1e308))
        fused.sum(np.full(MANY, 1e304))
        fused.mean(np.full((2000, 1000), 1e305), axis=1)
    assert [str(warning.message) for warning in seen] == [f"overflow encountered in {name}" for name in ("multiply", "reduce", "reduce")]
    assert [warning.filename for warning in seen] == [__file__] * 3
    assert seen[1].lineno == seen[0].lineno + 1
