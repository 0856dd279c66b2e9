"""Running sums and products: every line's items in NumPy's order, so every bit is NumPy's."""

import functools
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits, chunks_during
from hypothesis import given
from hypothesis import strategies as st
from samples import DTYPES, Sample, assert_same_call, samples, workers
from strategies import WORKERS, examples

import lightwork as lw
from lightwork.arrays import scans

UFUNCS = (np.add, np.multiply, np.maximum, np.fmin, np.subtract, np.logical_or, np.hypot)


@examples(150)
@given(st.data(), st.sampled_from(UFUNCS), samples(), workers())
def test_any_ufunc_along_any_axis(data: st.DataObject, ufunc: np.ufunc, sample: Sample, n_workers: int) -> None:
    """Whatever is accumulated, in whatever layout: NumPy's result, layout, warnings and errors."""
    axis = data.draw(st.integers(-len(sample.shape), len(sample.shape) - 1))
    assert_same_call(functools.partial(lw.accumulate, ufunc), ufunc.accumulate, sample.build(), axis, n_workers=n_workers)


@examples(100)
@given(st.data(), st.sampled_from(("cumsum", "cumprod")), samples(), st.sampled_from((None, "f4", "i8", "u2", "D")), workers())
def test_functions_by_numpy_s_names(data: st.DataObject, name: str, sample: Sample, dtype: str | None, n_workers: int) -> None:
    """Along an axis or over all items in C order, in any dtype."""
    axis = data.draw(st.one_of(st.none(), st.integers(-len(sample.shape), len(sample.shape) - 1)))
    assert_same_call(getattr(scans, name), getattr(np, name), sample.build(), axis, dtype, n_workers=n_workers)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_workers", WORKERS)
def test_one_long_line(dtype: str, n_workers: int) -> None:
    """A hundred thousand items in one line, integers in two passes, everything else in NumPy's one."""
    for step in (1, -2):
        array = Sample(dtype, (100_003,), steps=(step,)).build()
        for name in ("cumsum", "cumprod"):
            assert_same_call(getattr(scans, name), getattr(np, name), array, n_workers=n_workers)


@pytest.mark.parametrize("dtype", ["i8", "i4", "d"])
@pytest.mark.parametrize("shape", [(70_000,), (300, 200), (7,)])
def test_out_is_written_and_returned(dtype: str, shape: tuple[int, ...]) -> None:
    """`out` of the right dtype and shape or of others is filled, or refused, as NumPy does it."""
    array = np.arange(np.prod(shape)).reshape(shape) - 5
    for out_shape in (shape, (3,)):
        mine, numpys = np.zeros(out_shape, dtype), np.zeros(out_shape, dtype)
        assert_same_call(lambda out: scans.cumsum(array, 0, out=out[0]), lambda out: np.cumsum(array, 0, out=out[1]), (mine, numpys))
        assert_same_bits(mine, numpys)


def test_out_may_be_the_array() -> None:
    """What is accumulated in place is what NumPy accumulates in place."""
    mine, numpys = np.arange(70_000), np.arange(70_000)
    scans.cumsum(mine, out=mine)
    np.cumsum(numpys, out=numpys)
    assert_same_bits(mine, numpys)


@pytest.mark.parametrize("keywords", [{"axis": 5}, {"axis": None}, {"dtype": "nonsense"}, {"dtype": object}])
def test_arguments_that_numpy_answers(keywords: dict[str, Any]) -> None:
    """Mistakes are told in NumPy's words."""
    for shape in ((70_000,), (300, 200)):
        assert_same_call(functools.partial(lw.accumulate, np.add), np.add.accumulate, np.ones(shape), **keywords)


def test_operands_that_are_numpy_s() -> None:
    """Lists, nothing at all, objects and masked arrays."""
    for operand in ([1, 2, 3], [], np.array([1, 2.5], object), np.ma.masked_less(np.arange(20_000), 4)):
        assert_same_call(scans.cumsum, np.cumsum, operand)


def test_overflow_is_reported_once() -> None:
    """As one call of NumPy's would."""
    assert_same_call(scans.cumsum, np.cumsum, np.full((300, 300), 3e38, "f"), axis=1)


def test_large_scans_are_shared() -> None:
    """Many lines, and one of integers."""
    assert chunks_during(lw.accumulate, np.add, Sample("d", (1000, 300)).build(), axis=1, workers=2) > 1
    assert chunks_during(lw.accumulate, np.add, Sample("l", (300_000,)).build(), workers=2) > 1
