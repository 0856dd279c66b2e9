"""Means and variances: NumPy's own steps, with its bits, without its temporaries."""

from typing import Any

import numpy as np
import pytest
from bits import chunks_during
from hypothesis import given
from hypothesis import strategies as st
from samples import DTYPES, LENGTHS, Sample, assert_same_call, axes_of, samples, workers
from strategies import WORKERS, examples

from lightwork.arrays import moments

NAMES = ("mean", "var", "std")


@examples(250)
@given(st.data(), st.sampled_from(NAMES), samples(), workers())
def test_moments_over_any_axes(data: st.DataObject, name: str, sample: Sample, n_workers: int) -> None:
    """Along whichever axes, in whatever dtype and layout: NumPy's result, warnings and errors."""
    keywords: dict[str, Any] = {"axis": data.draw(axes_of(len(sample.shape))), "keepdims": data.draw(st.booleans())}
    if name != "mean" and data.draw(st.booleans()):
        keywords[data.draw(st.sampled_from(("ddof", "correction")))] = data.draw(st.sampled_from((0, 1, 1.5, 10**6)))
    assert_same_call(getattr(moments, name), getattr(np, name), sample.build(), n_workers=n_workers, **keywords)


@examples(120)
@given(st.data(), st.sampled_from(NAMES), samples(), st.sampled_from(("f4", "f8", "g", "D", "f2", "i8")), workers())
def test_moments_in_another_dtype(data: st.DataObject, name: str, sample: Sample, dtype: str, n_workers: int) -> None:
    """With ``dtype=`` each step is computed in the dtype in which NumPy computes it."""
    axis = data.draw(axes_of(len(sample.shape)))
    assert_same_call(getattr(moments, name), getattr(np, name), sample.build(), n_workers=n_workers, axis=axis, dtype=dtype)


@pytest.mark.parametrize("dtype", ["e", "f", "d", "g", "F", "D", "G", "i", "?", "Q"])
def test_every_length_around_a_joint(dtype: str) -> None:
    """Mean and variance have NumPy's bits at each length about lanes, blocks, buffers and leaves."""
    for n_items in LENGTHS:
        for step in (1, -2):
            array = Sample(dtype, (n_items,), steps=(step,)).build()
            assert_same_call(moments.mean, np.mean, array)
            assert_same_call(moments.var, np.var, array)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_workers", WORKERS)
def test_large_arrays_at_any_number_of_workers(dtype: str, n_workers: int) -> None:
    """Half a million items, which several workers do share, have the same moments."""
    array = Sample(dtype, (1000, 501), seed=n_workers).build()
    for name in NAMES:
        for axis in (None, 0, 1):
            assert_same_call(getattr(moments, name), getattr(np, name), array, axis, n_workers=n_workers)


def test_large_variances_are_shared() -> None:
    """The variance of a large array, and that of its rows, run as many chunks."""
    array = Sample("d", (2000, 2000)).build()
    for axis in (None, 1):
        assert chunks_during(moments.var, array, axis) > 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "keywords", [{"where": np.arange(200) % 3 == 0}, {"axis": 5}, {"dtype": "M8[s]"}, {"out": np.zeros(200)}, {"axis": 0, "out": np.zeros(200)}]
)
def test_arguments_that_numpy_answers(name: str, keywords: dict[str, Any]) -> None:
    """`where`, `out` and mistakes are handled as NumPy handles them."""
    assert_same_call(getattr(moments, name), getattr(np, name), Sample("d", (150, 200)).build(), **keywords)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("keyword", ["ddof", "correction"])
@pytest.mark.parametrize("less", ["one", None, np.nan, np.array([0, 1]), 1j], ids=repr)
@pytest.mark.parametrize("axis", [None, 0])
def test_what_is_no_number_to_take_off(name: str, keyword: str, less: Any, axis: int | None) -> None:
    """What NumPy has to say of it are NumPy's words."""
    assert_same_call(getattr(moments, name), getattr(np, name), Sample("d", (150, 200)).build(), axis=axis, **{keyword: less})


@pytest.mark.parametrize("name", ["var", "std"])
def test_only_one_name_for_what_is_taken_off(name: str) -> None:
    """`ddof` and `correction` together are refused, also where they are equal."""
    assert_same_call(getattr(moments, name), getattr(np, name), Sample("d", (150, 200)).build(), ddof=1, correction=1)


def test_a_mean_that_is_given() -> None:
    """``var(mean=...)`` measures from there."""
    array = Sample("d", (150, 200)).build()
    for axis in (None, 0):
        assert_same_call(moments.var, np.var, array, axis=axis, mean=array.mean(axis, keepdims=True))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_average(name: str) -> None:
    """An empty array warns once, in NumPy's words."""
    assert_same_call(getattr(moments, name), getattr(np, name), np.empty((0, 3)))
    assert_same_call(getattr(moments, name), getattr(np, name), np.empty((0, 3)), axis=0)


@pytest.mark.parametrize("flaw", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_flaws_warn_in_the_step_in_which_they_do(flaw: float, axis: int | None) -> None:
    """An infinity is an invalid value in subtract, a huge one an overflow in square or multiply, as NumPy says."""
    for dtype in ("d", "D"):
        array = Sample(dtype, (300, 300)).build()
        array[7, 9] = flaw
        for name in NAMES:
            assert_same_call(getattr(moments, name), getattr(np, name), array, axis)


@examples(120)
@given(st.data(), samples(), st.sampled_from((None, "?", "i", "f", "d", "D")), workers())
def test_weighted_averages(data: st.DataObject, sample: Sample, weights_dtype: str | None, n_workers: int) -> None:
    """With weights of any dtype and without, along any axes."""
    array = sample.build()
    weights = None if weights_dtype is None else Sample(weights_dtype, array.shape, seed=5).build()
    keywords: dict[str, Any] = {"axis": data.draw(axes_of(array.ndim)), "keepdims": data.draw(st.booleans())}
    assert_same_call(moments.average, np.average, array, weights=weights, n_workers=n_workers, **keywords)


@pytest.mark.parametrize("weights", [np.zeros((150, 200)), np.ones(200), np.ones(3), [1, 2]])
def test_weights_that_numpy_judges(weights: Any) -> None:
    """Weights that add up to zero, of another shape than the array's, and lists."""
    array = Sample("d", (150, 200)).build()
    for axis in (None, 0, 1):
        assert_same_call(moments.average, np.average, array, axis, weights)
        assert_same_call(moments.average, np.average, array, axis, returned=True)


def test_an_axis_that_is_not_there_is_numpys_to_name() -> None:
    """In each function's words."""
    for name in NAMES:
        assert_same_call(getattr(moments, name), getattr(np, name), Sample("d", (200, 300)).build(), axis=2)


def test_an_average_of_more_items_than_float16_can_count() -> None:
    """NumPy warns of their number, which it makes a float16."""
    assert_same_call(moments.average, np.average, np.ones(70_000, np.float16))
