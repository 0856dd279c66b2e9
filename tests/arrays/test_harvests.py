"""Reductions of fused functions: NumPy's bits without the array in between."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from bits import assert_same_outcome, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import WORKERS, examples, values

import lightwork as lw

MANY = 100_000
NAMES = ("sum", "prod", "mean", "var", "std", "min", "max", "ptp", "any", "all", "argmin", "argmax")
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


@pytest.mark.parametrize("name", ONE_PASS)
def test_no_array_is_made(name: str) -> None:
    """What such a reduction allocates is a fraction of the result that it reduces."""
    x = np.random.default_rng(6).standard_normal(1_000_000)
    fused = lw.fuse(wave)
    getattr(fused, name)(x)
    tracemalloc.start()
    try:
        getattr(fused, name)(x)
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
