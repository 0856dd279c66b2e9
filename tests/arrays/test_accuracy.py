"""How far sums are from the truth, which ``math.fsum`` knows: within the bound of pairwise summation, in whichever order NumPy adds."""

import functools
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightwork._core.summation import order_name
from samples import many_workers, workers
from strategies import WORKERS, Array, examples

import lightwork as lw
from lightwork.arrays import moments, reductions

MANY = 1_000_000
BUFFER = np.getbufsize()
FLOATS = ("f4", "f8")

#: The most additions that an item goes through in 128 of them: 15 in its lane, 3 that join the lanes, 7 of the rest.
BLOCK_DEPTH = 25


def tree_depth(n_items: int) -> int:
    """Return how many additions an item goes through at most in NumPy's tree; the halves are not quite equal."""
    return BLOCK_DEPTH + max(0, math.ceil(math.log2(n_items / 128)) + 1)


def depth(n_items: int, order: str) -> int:
    """Return how many additions an item goes through at most in an order of NumPy's."""
    return tree_depth(n_items) if order == "tree" else tree_depth(min(n_items, BUFFER)) + math.ceil(n_items / BUFFER)


def gamma(n_roundings: int, dtype: str) -> float:
    """Return by what part of itself a number is off after so many roundings (Higham 2002, lemma 3.1)."""
    rounded = n_roundings * float(np.finfo(dtype).eps) / 2
    return rounded / (1 - rounded)


def alike(n_items: int, rng: np.random.Generator) -> Array:
    """Return numbers that add up, with the same rounding again and again."""
    return np.full(n_items, rng.random())


def mixed(n_items: int, rng: np.random.Generator) -> Array:
    """Return numbers that cancel out."""
    return rng.standard_normal(n_items)


def wide(n_items: int, rng: np.random.Generator) -> Array:
    """Return numbers of many magnitudes."""
    return rng.standard_normal(n_items) * 10.0 ** rng.integers(-6, 7, n_items)


KINDS = (alike, mixed, wide)


@st.composite
def lines(draw: st.DrawFn) -> Array:
    """Any number of numbers, more often few than many, in single or double precision."""
    n_items = draw(st.one_of(st.integers(1, 1000), st.integers(1000, 100_000), st.just(300_000)))
    make: Callable[[int, np.random.Generator], Array] = draw(st.sampled_from(KINDS))
    return make(n_items, np.random.default_rng(draw(st.integers(0, 99)))).astype(draw(st.sampled_from(FLOATS)))


def size(array: Array) -> float:
    """Return the sum of magnitudes, by which errors are measured."""
    return math.fsum(np.abs(array).tolist())


def order_of(array: Array) -> str:
    """Return the order in which the installed NumPy adds; of a third one no bound is known here."""
    order: str = order_name(array.dtype)
    assert order in ("tree", "buffers")
    return order


def assert_near(actual: Any, expected: float, error: float) -> None:
    """Hold a finite result to what it may be off."""
    assert math.isfinite(actual)
    assert abs(float(actual) - expected) <= error


@examples(150)
@given(lines(), workers())
def test_sums(array: Array, n_workers: int) -> None:
    """A sum is off by as many roundings as an item goes through additions."""
    with many_workers(n_workers):
        total = reductions.sum(array)
    assert_near(total, math.fsum(array.tolist()), gamma(depth(array.size, order_of(array)), array.dtype.char) * size(array))


@examples(60)
@given(lines(), workers())
def test_complex_sums(array: Array, n_workers: int) -> None:
    """Both parts of a complex sum are as good as a sum of real numbers, twice as many of which fill a block."""
    pairs = (array - 1j * array[::-1]).astype(np.result_type(array.dtype, "c8"))
    with many_workers(n_workers):
        total = reductions.sum(pairs)
    error = gamma(depth(2 * array.size, order_of(pairs)), array.dtype.char) * size(array)
    assert_near(total.real, math.fsum(pairs.real.tolist()), error)
    assert_near(total.imag, math.fsum(pairs.imag.tolist()), error)


@examples(60)
@given(lines(), workers())
def test_sums_in_double_precision(array: Array, n_workers: int) -> None:
    """What is cast is added buffer by buffer, in the precision to which it is cast."""
    with many_workers(n_workers):
        total = reductions.sum(array.astype("f4"), dtype="f8")
    numbers = array.astype("f4").astype("f8")
    assert_near(total, math.fsum(numbers.tolist()), gamma(depth(array.size, "buffers"), "f8") * size(numbers))


@examples(100)
@given(lines(), workers())
def test_means(array: Array, n_workers: int) -> None:
    """A mean has one rounding more than a sum, that of the division."""
    with many_workers(n_workers):
        mean = moments.mean(array)
    error = gamma(depth(array.size, order_of(array)) + 1, array.dtype.char) * size(array) / array.size
    assert_near(mean, math.fsum(array.tolist()) / array.size, error)


@examples(60)
@given(st.integers(1, 200_000), st.integers(0, 99), workers())
def test_means_of_integers(n_items: int, seed: int, n_workers: int) -> None:
    """They are added as float64, buffer by buffer."""
    array = np.random.default_rng(seed).integers(-(10**6), 10**6, n_items)
    with many_workers(n_workers):
        mean = moments.mean(array)
    assert_near(mean, sum(array.tolist()) / n_items, gamma(depth(n_items, "buffers") + 1, "f8") * size(array) / n_items)


@examples(100)
@given(lines(), workers())
def test_variances(array: Array, n_workers: int) -> None:
    """A variance is off by the roundings of its sum, its differences and squares, and by the square of what its mean is off."""
    with many_workers(n_workers):
        variance = moments.var(array)
    order, char = order_of(array), array.dtype.char
    mean = math.fsum(array.tolist()) / array.size
    expected = math.fsum((array.astype("f8") - mean) ** 2) / array.size
    shift = (gamma(depth(array.size, order) + 1, char) * size(array) / array.size) ** 2
    own = 6  # roundings of a difference (twice, when squared), a square and the division, and of those in the reference
    assert_near(variance, expected, gamma(depth(array.size, order) + own, char) * (expected + shift) + shift)


@examples(80)
@given(lines(), st.integers(0, 99), workers())
def test_weighted_averages(array: Array, seed: int, n_workers: int) -> None:
    """An average is off as two sums are, the products' and the weights'."""
    weights = np.random.default_rng(seed).uniform(0.5, 2, array.size).astype(array.dtype)
    with many_workers(n_workers):
        average = moments.average(array, weights=weights)
    products = array.astype("f8") * weights
    n_roundings = 2 * depth(array.size, order_of(array)) + 4  # a product, here and in the reference, and two divisions
    whole = math.fsum(weights.tolist())
    assert_near(average, math.fsum(products.tolist()) / whole, gamma(n_roundings, array.dtype.char) * size(products) / whole)


@examples(80)
@given(lines(), st.one_of(st.none(), st.integers(1000, 20_000)), workers())
def test_sums_of_chunks(array: Array, chunk_size: int | None, n_workers: int) -> None:
    """``map_reduce`` joins the sums of chunks in a tree: as many roundings more as that has levels."""
    total = lw.map_reduce(np.sum, array, combine=operator.add, chunk_size=chunk_size, workers=n_workers)
    longest = min(array.size, chunk_size or math.ceil(array.size / 64))
    levels = math.ceil(math.log2(math.ceil(array.size / longest)))
    error = gamma(depth(longest, order_of(array)) + levels, array.dtype.char) * size(array)
    assert_near(total, math.fsum(array.tolist()), error)


def sums(array: Array) -> Iterator[Any]:
    """Yield a sum made in each way."""
    yield reductions.sum(array)
    yield moments.mean(array) * array.size
    yield moments.average(array, weights=np.ones_like(array)) * array.size
    yield lw.map_reduce(np.sum, array, combine=operator.add)
    yield lw.fuse(lambda x: x * 1).sum(array)


@pytest.mark.parametrize("n_workers", WORKERS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_one_after_the_other_would_not_do(dtype: str, n_workers: int) -> None:
    """A million tenths, added one after the other, miss by more than the bound, to which all others keep."""
    array = np.full(MANY, 0.1, dtype)
    expected = math.fsum(array.tolist())
    error = gamma(depth(MANY, order_of(array)) + 6, dtype) * size(array)
    assert abs(float(functools.reduce(operator.add, array)) - expected) > error
    with lw.configure(workers=n_workers):
        for total in sums(array):
            assert_near(total, expected, error)
