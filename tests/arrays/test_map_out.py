"""``out=``: written in place, returned as it is, in any form that NumPy takes, and refused in NumPy's words."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits, assert_same_outcome, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import NUMERIC, WORKERS, Operand, Tuning, dtypes_of, examples, long_broadcastable, long_tunings, operands, tunings, values

from lightwork import chunked_map

Out = Callable[[], Any]


def assert_out_like_numpy(ufunc: np.ufunc, inputs: list[Any], make_out: Out, **keywords: Any) -> None:
    """Hold what is returned and what is left in ``out``, each side writing into an ``out`` of its own."""
    numpys, ours = make_out(), make_out()
    expected = outcome_of(ufunc, *inputs, out=numpys)
    actual = outcome_of(chunked_map, ufunc, *inputs, out=ours, **keywords)
    assert_same_outcome(actual, expected)
    assert_same_bits(ours, numpys)


@st.composite
def writeable(draw: st.DrawFn, shape: tuple[int, ...]) -> Operand:
    """An array of any layout that can be written: no step repeats an item."""
    drawn = draw(operands(shape, NUMERIC))
    steps = tuple(step or 1 for step in drawn.steps)
    return Operand(drawn.dtype, shape, drawn.seed, drawn.axes, steps, drawn.aligned)


@examples(300)
@given(st.data(), st.sampled_from((np.add, np.divide, np.less, np.maximum)), tunings())
def test_out_of_any_layout_and_dtype(data: st.DataObject, ufunc: np.ufunc, tuning: Tuning) -> None:
    """An ``out`` of any order, steps, alignment and dtype holds what NumPy writes there, or is refused alike."""
    shape = data.draw(st.one_of(st.lists(st.integers(2, 5), min_size=2, max_size=4), st.lists(st.integers(0, 3), max_size=4)).map(tuple))
    dtypes = data.draw(dtypes_of(2, NUMERIC))
    inputs = [data.draw(operands(shape, (dtype,))).build() for dtype in dtypes]
    assert_out_like_numpy(ufunc, inputs, data.draw(writeable(shape)).build, **tuning.keywords)


@examples(60)
@given(st.data(), long_broadcastable(2), long_tunings())
def test_results_are_cast_chunk_by_chunk(data: st.DataObject, operands: tuple[Operand, Operand], tuning: Tuning) -> None:
    """The same of arrays too long to be cast at once."""
    out = data.draw(writeable(operands[0].shape))
    assert_out_like_numpy(np.add, [operand.build() for operand in operands], out.build, **tuning.keywords)


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("wrap", [lambda out: out, lambda out: (out,)], ids=["array", "tuple"])
def test_out_is_what_is_returned(wrap: Callable[[Any], Any], workers: int) -> None:
    """``out=array`` and ``out=(array,)`` both return that very array."""
    out = np.full(100, np.nan)
    result = chunked_map(np.sqrt, np.arange(100.0), out=wrap(out), chunk_size=16, workers=workers)
    assert result is out
    np.testing.assert_array_equal(out, np.sqrt(np.arange(100.0)))


def test_out_of_several_outputs() -> None:
    """A tuple names each output; ``None`` asks for a new array."""
    numbers = values("d", 100)
    whole, exponent = np.empty(100), np.empty(100, "i4")
    for make_out in (lambda: (np.empty(100), np.empty(100)), lambda: (None, np.empty(100)), lambda: (None, None)):
        assert_out_like_numpy(np.modf, [numbers], make_out, chunk_size=16, workers=2)
    assert chunked_map(np.modf, numbers, out=(None, whole), chunk_size=16, workers=2)[1] is whole
    assert chunked_map(np.frexp, numbers, out=(whole, exponent), chunk_size=16, workers=2) == (whole, exponent)


def test_out_may_widen_the_broadcast() -> None:
    """An ``out`` with more rows than the inputs is filled row by row."""
    assert_out_like_numpy(np.sqrt, [values("d", 30)], lambda: np.zeros((7, 30)), chunk_size=16, workers=2)
    assert_out_like_numpy(np.add, [1.0, 2], lambda: np.zeros((7, 30)), chunk_size=16, workers=2)


def test_out_of_no_dimension_stays_an_array() -> None:
    """A 0-d ``out`` is filled and returned, not turned into a scalar."""
    assert_out_like_numpy(np.sqrt, [2.0], lambda: np.zeros(()))


@pytest.mark.parametrize("make_out", [
    lambda: np.zeros(90).view(np.ma.MaskedArray),
    lambda: np.zeros((1, 90)).view(np.matrix),
], ids=["masked", "matrix"])  # fmt: skip
def test_out_of_a_subclass(make_out: Out) -> None:
    """An ``out`` of a subclass is treated as NumPy treats it."""
    assert_out_like_numpy(np.sqrt, [np.arange(90.0)], make_out, chunk_size=16, workers=2)


def test_out_in_a_file(tmp_path: Any) -> None:
    """A memory map takes the result as any array does."""
    out = np.memmap(tmp_path / "out", dtype="f8", mode="w+", shape=(1000,))
    assert chunked_map(np.sqrt, np.arange(1000.0), out=out, chunk_size=100, workers=2) is out
    np.testing.assert_array_equal(np.fromfile(tmp_path / "out"), np.sqrt(np.arange(1000.0)))


def _read_only(shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape)
    out.flags.writeable = False
    return out


REFUSED: dict[str, Out] = {
    "dtype that would lose": lambda: np.zeros(90, "i8"),
    "too long": lambda: np.zeros(91),
    "too short": lambda: np.zeros(1),
    "too few dimensions": lambda: np.zeros(()),
    "read-only": lambda: _read_only((90,)),
    "a list": lambda: [0.0] * 90,
    "a number": lambda: 1.0,
    "two for one": lambda: (np.zeros(90), np.zeros(90)),
    "none for one": lambda: (),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_unfit_out_is_refused_before_anything_runs(case: str) -> None:
    """What NumPy refuses as ``out`` is refused in its words, and nothing has been written."""
    numbers, out = np.arange(90.0), REFUSED[case]()
    assert outcome_of(np.sqrt, numbers, out=REFUSED[case]()).error is not None
    assert_out_like_numpy(np.sqrt, [numbers], REFUSED[case], chunk_size=16, workers=2)
    outcome_of(chunked_map, np.sqrt, numbers, out=out, chunk_size=16, workers=2)
    assert_same_bits(out, REFUSED[case]())


def test_two_outputs_need_a_tuple() -> None:
    """A bare array as ``out`` of a ufunc with two outputs is refused in NumPy's words."""
    assert_out_like_numpy(np.modf, [np.arange(9.0)], lambda: np.zeros(9), chunk_size=4, workers=2)


def test_out_is_cast_as_numpy_casts() -> None:
    """Results are cast to a narrower or swapped ``out``, overflow warning included."""
    for dtype in ("e", "f", ">f8", "g", "D"):
        for n_items in (500, 9001):
            numbers, make_out = np.linspace(-5, 30, n_items), functools.partial(np.zeros, n_items, dtype)
            assert_out_like_numpy(np.exp, [numbers], make_out, chunk_size=64, workers=3)
