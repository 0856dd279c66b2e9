"""Where the extremes are: the first of equal ones, NaN before all, as NumPy finds them."""

from typing import Any

import numpy as np
import pytest
from bits import chunks_during
from hypothesis import given
from hypothesis import strategies as st
from samples import Sample, assert_same_call, samples, workers
from strategies import WORKERS, examples

from lightwork.arrays import positions

NAMES = ("argmin", "argmax")


@examples(150)
@given(st.data(), st.sampled_from(NAMES), samples(), workers())
def test_positions_along_any_axis(data: st.DataObject, name: str, sample: Sample, n_workers: int) -> None:
    """Along any axis, or among all items in C order, whatever their layout."""
    axis = data.draw(st.one_of(st.none(), st.integers(-len(sample.shape), len(sample.shape) - 1)))
    keepdims = data.draw(st.booleans())
    assert_same_call(getattr(positions, name), getattr(np, name), sample.build(), axis, keepdims=keepdims, n_workers=n_workers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_workers", WORKERS)
@pytest.mark.parametrize("dtype", ["b", "d", "f", "F", "M8[s]"])
def test_the_first_of_equal_ones(name: str, n_workers: int, dtype: str) -> None:
    """Of many that are equal the first counts, wherever chunks begin; zeros are equal whatever their sign."""
    zeros = np.zeros(100_003, dtype)
    for place in (0, 1, 50_000, 100_002):
        array = zeros.copy()
        array[place:] = np.array(1, dtype)
        for items in (array, array[::-1], zeros if dtype[0] == "M" else -zeros):
            assert_same_call(getattr(positions, name), getattr(np, name), items, n_workers=n_workers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("places", [(0,), (99_999,), (40_000, 70_000)])
def test_the_first_nan(name: str, places: tuple[int, ...]) -> None:
    """NaN and NaT come before all others."""
    for dtype in ("d", "F", "m8[s]"):
        array = np.arange(100_000).astype(dtype)
        array[list(places)] = np.array("NaT" if dtype[0] == "m" else np.nan, dtype)
        assert_same_call(getattr(positions, name), getattr(np, name), array)


@pytest.mark.parametrize("keywords", [{"axis": 5}, {"axis": (0, 1)}, {"axis": 0, "out": np.zeros(200, np.intp)}, {"out": np.zeros(3)}])
def test_arguments_that_numpy_answers(keywords: dict[str, Any]) -> None:
    """`out` and mistakes are handled as NumPy handles them."""
    for name in NAMES:
        assert_same_call(getattr(positions, name), getattr(np, name), Sample("d", (150, 200)).build(), **keywords)


def test_operands_that_are_numpy_s() -> None:
    """Lists, nothing at all and truths are searched by NumPy."""
    for operand in ([3, 1, 2], [], np.arange(70_000) > 60_000, np.ma.masked_less(np.arange(20_000), 4)):
        for name in NAMES:
            assert_same_call(getattr(positions, name), getattr(np, name), operand)


def test_large_searches_are_shared() -> None:
    """Among all items and along an axis."""
    array = Sample("d", (2000, 2000)).build()
    for axis in (None, 0, 1):
        assert chunks_during(positions.argmin, array, axis) > 1
