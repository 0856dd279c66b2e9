"""Reductions that leave out NaN: NumPy's own steps, with its bits and its warnings."""

from typing import Any

import numpy as np
import pytest
from bits import chunks_during
from hypothesis import given
from hypothesis import strategies as st
from samples import LENGTHS, Sample, assert_same_call, axes_of, samples, workers
from strategies import WORKERS, Array, examples

from lightwork.arrays import nans

NAMES = ("nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax")
POSITIONS = ("nanargmin", "nanargmax")


def with_nan(array: Array, share: float) -> Array:
    """Return a copy, in the same layout, with that share of its items NaN, if its dtype has any."""
    holes = np.random.default_rng(1).random(array.shape) < share
    result: Array = np.array(array, copy=True, order="K")
    if array.dtype.kind in "fcmM":
        result[holes] = np.array("NaT" if array.dtype.kind in "mM" else np.nan).astype(array.dtype)
    return result


@examples(250)
@given(st.data(), st.sampled_from(NAMES), samples(), st.sampled_from((0.0, 0.01, 0.5, 0.999, 1.0)), workers())
def test_any_axes_with_any_share_of_nan(data: st.DataObject, name: str, sample: Sample, share: float, n_workers: int) -> None:
    """None of the items, some or all of them NaN: NumPy's result, warnings and errors."""
    keywords: dict[str, Any] = {"axis": data.draw(axes_of(len(sample.shape))), "keepdims": data.draw(st.booleans())}
    if name in ("nanvar", "nanstd"):
        keywords["ddof"] = data.draw(st.sampled_from((0, 1, 3)))
    assert_same_call(getattr(nans, name), getattr(np, name), with_nan(sample.build(), share), n_workers=n_workers, **keywords)


@examples(100)
@given(st.data(), st.sampled_from(POSITIONS), samples(), st.sampled_from((0.0, 0.01, 0.5, 0.999, 1.0)), workers())
def test_positions_along_any_axis(data: st.DataObject, name: str, sample: Sample, share: float, n_workers: int) -> None:
    """The first of the smallest or largest numbers, and NumPy's error where there is none."""
    axis = data.draw(st.one_of(st.none(), st.integers(-len(sample.shape), len(sample.shape) - 1)))
    assert_same_call(getattr(nans, name), getattr(np, name), with_nan(sample.build(), share), axis, n_workers=n_workers)


@pytest.mark.parametrize("dtype", ["f", "d", "g"])
@pytest.mark.parametrize("n_workers", WORKERS)
def test_every_length_around_a_joint(dtype: str, n_workers: int) -> None:
    """Sums, means and variances at each length about lanes, blocks and leaves."""
    for n_items in LENGTHS[:: 1 if n_workers == 2 else 5]:
        array = with_nan(Sample(dtype, (n_items,)).build(), 0.2)
        for name in ("nansum", "nanmean", "nanvar"):
            assert_same_call(getattr(nans, name), getattr(np, name), array, n_workers=n_workers)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "keywords", [{"where": np.arange(200) % 3 == 0}, {"axis": 5}, {"axis": 0, "out": np.zeros(200)}, {"dtype": "f4"}, {"initial": 3}]
)
def test_arguments_that_numpy_answers(name: str, keywords: dict[str, Any]) -> None:
    """`where`, `out`, `dtype` and mistakes are handled as NumPy handles them."""
    assert_same_call(getattr(nans, name), getattr(np, name), with_nan(Sample("d", (150, 200)).build(), 0.1), **keywords)


@pytest.mark.parametrize("name", ["nansum", "nanmean"])
def test_a_cast_that_drops_parts_is_warned_of_once(name: str) -> None:
    """NumPy warns with every call, and so it makes only one."""
    assert_same_call(getattr(nans, name), getattr(np, name), Sample("D", (300, 200)).build(), axis=0, dtype=np.float64)


@pytest.mark.parametrize("name", [*NAMES, *POSITIONS])
def test_infinities_beside_nan(name: str) -> None:
    """An infinity makes an infinite sum, and nothing a position that NumPy would not find."""
    for value in (np.inf, -np.inf, 1e200):
        array = with_nan(np.full(70_001, value), 0.3)
        for items in (array, np.append(array, -value)):
            assert_same_call(getattr(nans, name), getattr(np, name), items)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f", "d", "g"])
def test_minus_zero_alone(name: str, dtype: str) -> None:
    """NumPy adds to zero, so a sum and a mean of nothing but -0.0 have no minus."""
    assert_same_call(getattr(nans, name), getattr(np, name), np.full(20_001, -0.0, dtype))


@pytest.mark.parametrize("name", [*NAMES, *POSITIONS])
def test_operands_that_are_numpy_s(name: str) -> None:
    """Lists, objects and nothing at all."""
    for operand in ([3.0, np.nan, 2.0], [], np.array([1.0, None, 2.0], object)):
        assert_same_call(getattr(nans, name), getattr(np, name), operand)


def test_large_reductions_are_shared() -> None:
    """Over all items, and along an axis."""
    array = with_nan(Sample("d", (2000, 2000)).build(), 0.1)
    for name in (*NAMES, *POSITIONS):
        for axis in (None, 1):
            assert chunks_during(getattr(nans, name), array, axis) > 1
