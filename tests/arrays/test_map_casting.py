"""Casting: which loop is picked, what is cast to reach it, and which casts are refused, in NumPy's own words."""

from typing import Any

import numpy as np
import pytest
from bits import assert_like_numpy, chunks_during, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import NUMERIC, WORKERS, Operand, Tuning, broadcastable, examples, long_broadcastable, long_tunings, tunings, values

from lightwork import chunked_map

TIMES = ("M8[s]", "M8[ms]", "M8[D]", "m8[s]", "m8[ns]", "m8[h]", ">M8[s]", "l", "d")
ANY_DTYPE = (*NUMERIC, *TIMES[:-2])


@examples(150)
@given(
    st.sampled_from((np.add, np.multiply, np.divide, np.power, np.greater, np.logaddexp, np.bitwise_and, np.ldexp)),
    st.tuples(st.sampled_from(ANY_DTYPE), st.sampled_from(ANY_DTYPE)),
    st.one_of(st.none(), st.sampled_from(ANY_DTYPE)),
    st.sampled_from((50, 9001)),
    long_tunings(),
)
def test_dtype_is_numpys_dtype(ufunc: np.ufunc, dtypes: tuple[str, str], dtype: str | None, n_items: int, tuning: Tuning) -> None:
    """Any pair of dtypes and any ``dtype=`` gives NumPy's result, or NumPy's refusal."""
    first, second = (values(code, n_items, seed) for seed, code in enumerate(dtypes))
    assert_like_numpy(ufunc, first, second, dtype=dtype, **tuning.keywords)


@examples(100)
@given(st.sampled_from((np.add, np.divide, np.arctan2, np.less)), long_broadcastable(2), long_tunings())
def test_casts_on_the_way_through_the_loop(ufunc: np.ufunc, operands: tuple[Operand, Operand], tuning: Tuning) -> None:
    """Operands of any layout that are too long to be cast at once are cast chunk by chunk."""
    assert_like_numpy(ufunc, *[operand.build() for operand in operands], **tuning.keywords)


TIMED = st.sampled_from((np.add, np.subtract, np.multiply, np.floor_divide, np.less, np.maximum))


@examples(100)
@given(TIMED, broadcastable(2, TIMES), tunings())
def test_times_keep_their_units(ufunc: np.ufunc, operands: tuple[Operand, Operand], tuning: Tuning) -> None:
    """Dates and durations of different units meet in NumPy's unit, NaT included."""
    assert_like_numpy(ufunc, *[operand.build() for operand in operands], **tuning.keywords)


@examples(50)
@given(TIMED, long_broadcastable(2, TIMES), long_tunings())
def test_times_are_converted_in_chunks(ufunc: np.ufunc, operands: tuple[Operand, Operand], tuning: Tuning) -> None:
    """So do those that are converted on the way through the loop."""
    assert_like_numpy(ufunc, *[operand.build() for operand in operands], **tuning.keywords)


CAST: dict[str, tuple[Any, ...]] = {
    "integers to reals": (np.hypot, values("i", 9001), values("d", 9001, 1)),
    "swapped": (np.sqrt, values(">f8", 9001)),
    "unaligned": (np.sqrt, Operand("d", (9001,), aligned=False).build()),
    "units": (np.add, values("M8[s]", 9001), values("m8[ms]", 9001, 1)),
}


@pytest.mark.parametrize("case", CAST)
def test_casts_run_in_chunks(case: str) -> None:
    """A cast does not keep a loop from the workers."""
    ufunc, *inputs = CAST[case]
    with np.errstate(all="ignore"):
        assert chunks_during(chunked_map, ufunc, *inputs, chunk_size=1000, workers=2) == 10


@pytest.mark.parametrize("dtype", [np.float32, "single", ">f4", np.dtype("f4"), float, complex, "g", "nonsense", "S3"])
def test_dtype_in_any_spelling(dtype: Any) -> None:
    """Whatever NumPy reads as a dtype is read here, and nothing else."""
    for n_items in (100, 9001):
        assert_like_numpy(np.sqrt, np.arange(n_items, dtype="d"), dtype=dtype, chunk_size=30, workers=2)


@pytest.mark.parametrize("scalar", [0, 1, -1, 127, 255, 256, 300, 2**63, -(2**63), 2**64, 1.5, 1e300, True, 1j])
@pytest.mark.parametrize("dtype", ["?", "b", "B", "h", "Q", "e", "f", "d", "F", "m8[s]"])
def test_python_scalars_are_weak(scalar: Any, dtype: str) -> None:
    """A Python number adapts to the array's dtype, and one that does not fit is NumPy's OverflowError."""
    array = values(dtype, 50)
    for ufunc in (np.add, np.maximum, np.less, np.equal):
        assert_like_numpy(ufunc, array, scalar, chunk_size=16, workers=2)
        assert_like_numpy(ufunc, scalar, array, chunk_size=16, workers=2)


@pytest.mark.parametrize("scalar", [np.float64(1.5), np.int8(3), np.array(3.0), np.longdouble(2), np.True_])
def test_numpy_scalars_are_not_weak(scalar: Any) -> None:
    """A NumPy scalar, or an array without a dimension, brings its own dtype."""
    assert_like_numpy(np.multiply, values("f", 50), scalar, chunk_size=16, workers=2)


@pytest.mark.parametrize("pair", [("Q", "q"), ("q", "Q"), ("L", "b"), ("B", "l")])
def test_mixed_integers_are_compared_exactly(pair: tuple[str, str]) -> None:
    """Signed and unsigned 64-bit integers are compared as the numbers that they are."""
    first, second = (values(code, 90, seed) for seed, code in enumerate(pair))
    for ufunc in (np.less, np.greater_equal, np.equal, np.not_equal):
        assert_like_numpy(ufunc, first, second, chunk_size=16, workers=2)


REFUSED: dict[str, tuple[Any, ...]] = {
    "no loop": (np.bitwise_and, np.ones(9), np.ones(9)),
    "no common dtype": (np.add, np.ones(9), np.array("a")),
    "not a time": (np.isnat, np.ones(9)),
    "two dates": (np.add, np.array(["2020"], "M8[s]"), np.array(["2020"], "M8[s]")),
    "generic and calendar units": (np.add, np.array([1], "m8[s]"), np.array([1], "m8[Y]")),
    "ragged": (np.sqrt, [[1.0], [1.0, 2.0]]),
    "negative integer power": (np.power, np.arange(1, 100), np.arange(50, -49, -1)),
    "string": (np.sqrt, np.array(["4"] * 9)),
    "structured": (np.sqrt, np.zeros(9, "i4,f4")),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("workers", [1, 2])
def test_refusals_are_numpys(case: str, workers: int) -> None:
    """What NumPy refuses is refused with NumPy's type and message, also when a chunk far inside refuses it."""
    ufunc, *inputs = REFUSED[case]
    assert outcome_of(ufunc, *inputs).error is not None
    assert_like_numpy(ufunc, *inputs, chunk_size=4, workers=workers)


def test_a_narrowing_dtype_is_refused_before_anything_runs() -> None:
    """``dtype=`` that would lose the inputs' kind raises NumPy's casting error."""
    expected = outcome_of(np.add, np.ones(9), 1, dtype=int)
    assert expected.error is not None and "Cannot cast ufunc 'add' input 0" in expected.error[1]
    assert outcome_of(chunked_map, np.add, np.ones(9), 1, dtype=int).error == expected.error


@pytest.mark.parametrize("factor", [values("q", 9001), values("i", 9001), 2**62, 10**30, 1e300], ids=["q", "i", "2**62", "10**30", "1e300"])
@pytest.mark.parametrize("workers", WORKERS)
def test_a_time_that_overflows_inside_a_chunk(factor: Any, workers: int) -> None:
    """Newer NumPy refuses it in the loop, where older ones wrap around; either way the pool survives it."""
    times = values("m8[s]", 9001, 1)
    for ufunc in (np.multiply, np.floor_divide):
        assert_like_numpy(ufunc, times, factor, chunk_size=1000, workers=workers)
    assert_like_numpy(np.add, times, times, chunk_size=1000, workers=workers)


@pytest.mark.parametrize("items", [16, 8192 - 16, 8192, 100_000])
def test_numpys_buffer_size_is_the_callers(items: int) -> None:
    """A caller who changed NumPy's buffer size gets the bits and the warnings that NumPy then gives."""
    first, second = values(">f8", 30_001), values("h", 30_001, 1)
    before = np.setbufsize(items)
    try:
        assert_like_numpy(np.multiply, first, second, chunk_size=10_000, workers=2)
        assert_like_numpy(np.sqrt, np.full(30_001, 1e300), dtype="f", chunk_size=10_000, workers=2)
    finally:
        np.setbufsize(before)


def test_equal_dtypes_are_told_apart() -> None:
    """C's long and long long are equal as dtypes, and a result still is of the one that NumPy's is."""
    for code in ("q", "l", "q"):
        assert_like_numpy(np.add, np.ones(1000, code), np.ones(1000, code), chunk_size=100)
