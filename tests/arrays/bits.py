"""Equality to the bit, and the whole outcome of a call: its result, its warnings, its error."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import lightwork
from lightwork import chunked_map


def assert_same_bits(actual: Any, expected: Any) -> None:
    """Hold type, dtype, shape, memory order and every bit but those inside a NaN."""
    assert type(actual) is type(expected), f"{type(actual)} instead of {type(expected)}"
    if isinstance(expected, tuple):
        for mine, numpys in zip(actual, expected, strict=True):
            assert_same_bits(mine, numpys)
    elif isinstance(expected, np.ndarray | np.generic):
        _assert_same_array(actual, expected)
    else:
        assert actual == expected


def _assert_same_array(actual: Any, expected: Any) -> None:
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    assert _strides(actual) == _strides(expected), f"strides {actual.strides} instead of {expected.strides}"
    np.testing.assert_array_equal(np.ma.getmaskarray(actual), np.ma.getmaskarray(expected))
    for mine, numpys in zip(_parts(actual), _parts(expected), strict=True):
        np.testing.assert_array_equal(mine, numpys, strict=True)
        if mine.dtype.kind == "f":
            signs = np.signbit(mine) == np.signbit(numpys)
            assert np.all(signs | np.isnan(numpys)), f"signs of zero differ: {mine!r} instead of {numpys!r}"


def _strides(array: Any) -> list[int]:
    """The strides that lead somewhere: those of axes longer than one, of an array that is not empty."""
    return [stride for stride, n in zip(array.strides, array.shape, strict=True) if n > 1 and array.size]


def _parts(array: Any) -> Iterator[Any]:
    """The plain arrays that an array consists of: a complex NaN must sit in the same half, a NaT is a bit pattern."""
    plain = np.asarray(array)
    if plain.dtype.kind == "c":
        yield from (plain.real, plain.imag)
    else:
        yield plain.view("i8") if plain.dtype.kind in "mM" else plain


@dataclass(frozen=True)
class Outcome:
    """What a call did: a result or an error, and the warnings on the way."""

    result: Any
    error: tuple[type[BaseException], str] | None
    warnings: list[tuple[type[Warning], str]]


def outcome_of(call: Callable[..., Any], *args: Any, **keywords: Any) -> Outcome:
    """Call, and keep whatever happens."""
    result, error = None, None
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            result = call(*args, **keywords)
        except Exception as raised:  # whatever NumPy raises is what we must raise
            error = type(raised), str(raised)
    return Outcome(result, error, [(warning.category, str(warning.message)) for warning in seen])


def assert_same_outcome(actual: Outcome, expected: Outcome) -> None:
    """Hold the error, the warnings in their order, and the result to the bit."""
    assert actual.error == expected.error
    assert actual.warnings == expected.warnings
    assert_same_bits(actual.result, expected.result)
    if isinstance(expected.result, np.ndarray):
        assert actual.result.dtype.num == expected.result.dtype.num, "dtypes that are equal, but not the same type in C"


def _sketch(operand: Any) -> str:
    """What of an operand matters to which loop runs over it, and how."""
    if isinstance(operand, np.ndarray):
        return f"<{type(operand).__name__} of {operand.dtype.str}, shape {operand.shape}, strides {operand.strides}>"
    return repr(operand)


def assert_like_numpy(ufunc: np.ufunc, *arrays: Any, dtype: Any = None, **tuning: Any) -> None:
    """Hold ``chunked_map(ufunc, *arrays)`` to everything that ``ufunc(*arrays)`` does; the error shows the call."""
    expected = outcome_of(ufunc, *arrays, dtype=dtype)
    actual = outcome_of(chunked_map, ufunc, *arrays, dtype=dtype, **tuning)
    try:
        assert_same_outcome(actual, expected)
    except AssertionError as error:
        error.add_note(f"in chunked_map({ufunc.__name__}, {', '.join(map(_sketch, arrays))}, dtype={dtype!r}, **{tuning})")
        raise


def chunks_during(call: Callable[..., Any], *args: Any, **keywords: Any) -> int:
    """How many chunks the default pool ran while ``call`` did."""
    before = lightwork.statistics().chunks
    call(*args, **keywords)
    return lightwork.statistics().chunks - before
