"""Zeros of both signs: of two that compare equal NumPy's loops keep one, and which, may depend on where in memory they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bits import assert_same_outcome, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from samples import SHAPES, Sample, assert_same_call, many_workers, workers
from strategies import Array, examples

import lightwork as lw
import lightwork.numpy as lnp

CHOOSING = (np.fmin, np.fmax, np.minimum, np.maximum)


def zeros(draw: st.DrawFn, shape: tuple[int, ...], dtype: str) -> Array:
    """Return zeros of both signs, in any layout, seldom with a NaN or a number between them."""
    axes = tuple(draw(st.permutations(range(len(shape)))))
    steps = draw(st.tuples(*[st.sampled_from((1, 1, -1, 2)) for _ in shape]))
    array = Sample("d", shape, axes=axes, steps=steps).build().astype(dtype, order="K", copy=True)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    np.copysign(0, array, out=array, casting="same_kind")
    array[rng.random(shape) < draw(st.sampled_from((0, 0.1)))] = draw(st.sampled_from((np.nan, -1, 1)))
    whole = np.empty(tuple(2 * n for n in shape), dtype)[tuple(slice(None, None, 2) for _ in shape)] if draw(st.booleans()) else None
    if whole is None:
        return array
    whole[...] = array
    return whole


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Array, Any]:
    """Two arrays that broadcast, of which the second may have to be cast."""
    shape, dtype = draw(st.sampled_from(SHAPES)), draw(st.sampled_from("fdfdeg"))
    one, other = zeros(draw, shape, dtype), zeros(draw, shape, dtype)
    change = draw(st.sampled_from((None, None, "column", "item", "bool", "f", "reversed")))
    if change == "column":
        other = other[..., :1]
    elif change == "item":
        other = other[tuple(0 for _ in shape)]
    elif change == "reversed":
        other = other[::-1]
    elif change is not None:
        other = other.astype(change)
    return one, other


def hold(ours: Callable[[], Any], numpys: Callable[[], Any], n_workers: int) -> None:
    """Hold the outcome to NumPy's, with everything shared that can be."""
    expected = outcome_of(numpys)
    with many_workers(n_workers):
        actual = outcome_of(ours)
    assert_same_outcome(actual, expected)


@examples(120)
@given(st.sampled_from(CHOOSING), pairs(), st.sampled_from((None, 1, 64, 100, 1000)), st.booleans(), workers())
def test_items_of_two_arrays(ufunc: np.ufunc, pair: tuple[Array, Any], chunk_size: int | None, turned: bool, n_workers: int) -> None:
    """It is NumPy's zero in every layout, at every place, however long the chunks are."""
    one, other = reversed(pair) if turned else pair
    hold(lambda: lw.chunked_map(ufunc, one, other, chunk_size=chunk_size, workers=n_workers), lambda: ufunc(one, other), n_workers)


@examples(60)
@given(st.sampled_from(CHOOSING), pairs(), workers())
def test_under_a_mask(ufunc: np.ufunc, pair: tuple[Array, Any], n_workers: int) -> None:
    """A mask begins the loop anew after each gap, here as there."""
    one, other = pair
    mask = np.random.default_rng(3).random(one.shape) < 0.9
    hold(
        lambda: getattr(lnp, ufunc.__name__)(one, other, out=np.ones(one.shape, one.dtype), where=mask),
        lambda: ufunc(one, other, out=np.ones(one.shape, one.dtype), where=mask),
        n_workers,
    )


@examples(80)
@given(st.sampled_from(CHOOSING), pairs(), workers())
def test_in_a_fused_function(ufunc: np.ufunc, pair: tuple[Array, Any], n_workers: int) -> None:
    """Blocks end where NumPy's vectors do, or the whole function is NumPy's."""

    def function(x: Array, y: Array) -> Any:
        return ufunc(x, x * y)

    hold(lambda: lw.fuse(function)(*pair), lambda: function(*pair), n_workers)


def test_in_a_fused_function_under_a_mask() -> None:
    """So are masked calls of it."""
    x = np.copysign(0, np.random.default_rng(0).standard_normal(20_003))
    mask = np.random.default_rng(1).random(x.size) < 0.9

    def function(x: Array, y: Array) -> Array:
        result = x + y
        np.fmin(x * y, y, out=result, where=mask)
        return result

    hold(lambda: lw.fuse(function)(x, x[::-1].copy()), lambda: function(x, x[::-1].copy()), 3)


@examples(80)
@given(st.data(), st.sampled_from(CHOOSING), pairs(), workers())
def test_along_any_axes(data: st.DataObject, ufunc: np.ufunc, pair: tuple[Array, Any], n_workers: int) -> None:
    """Rows are reduced by the same loops."""
    array = pair[0]
    several = st.lists(st.integers(0, array.ndim - 1), min_size=1, unique=True).map(tuple)
    axis = data.draw(st.one_of(st.none(), several))
    assert_same_call(lambda *args, **keywords: lw.reduce(ufunc, *args, **keywords), ufunc.reduce, array, axis=axis, n_workers=n_workers)


@pytest.mark.parametrize("ufunc", CHOOSING, ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("shape", [(257, 130), (130, 257), (3, 20_001)])
def test_row_by_row(ufunc: np.ufunc, dtype: str, shape: tuple[int, int]) -> None:
    """Where rows are reduced into one, each ends in what its vectors leave over, wherever workers divide it once they know what an item costs."""
    array = np.copysign(0, np.random.default_rng(0).standard_normal(shape)).astype(dtype)
    for laid_out, axis in 5 * ((array, 0), (array.T, 1), (array[:, ::-1], 0)):
        assert_same_call(lambda *args, **keywords: lw.reduce(ufunc, *args, **keywords), ufunc.reduce, laid_out, axis=axis, n_workers=7)


@pytest.mark.parametrize("ufunc", [np.fmin, np.fmax], ids=lambda ufunc: ufunc.__name__)
def test_plain_arrays_are_shared_all_the_same(ufunc: np.ufunc) -> None:
    """Where nothing but the ends of chunks could differ, those are put where vectors end."""
    x = np.copysign(0, np.random.default_rng(0).standard_normal(1_000_003))
    before = lw.statistics().chunks
    result = lw.chunked_map(ufunc, x, -x, chunk_size=1000)
    assert lw.statistics().chunks - before == -(-x.size // 1024)
    np.testing.assert_array_equal(np.signbit(result), np.signbit(ufunc(x, -x)))
