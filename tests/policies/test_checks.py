"""What users give is checked, and each error says what to give instead."""

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from lightwork.policies.checks import (
    check_callable,
    check_choice,
    check_error_types,
    checked_count,
    checked_int,
    checked_number,
    checked_seconds,
)


@pytest.mark.parametrize("value", [2, 2.0, np.int8(2), np.float32(2), np.uint64(2), Fraction(4, 2)])
def test_any_real_number_will_do(value: Any) -> None:
    """Python's numbers and NumPy's are taken alike, and become floats."""
    assert checked_number("x", value) == 2.0
    assert type(checked_number("x", value)) is float


@pytest.mark.parametrize("value", [True, np.True_, "2", b"3", None, 2j, [2], np.array(2.0), Decimal(2), math.sin])
def test_what_only_looks_like_a_number_is_refused(value: Any) -> None:
    """Booleans, strings and arrays are no numbers, and the error shows them."""
    with pytest.raises(TypeError, match=re.escape(f"x must be a number, not {value!r}")):
        checked_number("x", value)


@pytest.mark.parametrize("value", [math.nan, np.float32("nan")])
def test_nan_is_no_number(value: Any) -> None:
    """NaN would pass every comparison the wrong way, so it is refused."""
    with pytest.raises(ValueError, match="x must be a number, not NaN"):
        checked_number("x", value)


@pytest.mark.parametrize("value", [10**400, Fraction(10**400)])
def test_a_number_beyond_floats_is_refused(value: Any) -> None:
    """An integer that no float can hold is an error of ours, not an OverflowError."""
    with pytest.raises(ValueError, match="too large"):
        checked_number("x", value)


@pytest.mark.parametrize("value", [-1, -5e-324, -math.inf, math.inf])
def test_times_are_finite_and_not_negative(value: float) -> None:
    """A negative or endless time is refused where it has no meaning."""
    with pytest.raises(ValueError, match=re.escape(f"x must be finite and at least 0 seconds, not {value!r}")):
        checked_seconds("x", value)


def test_a_time_may_be_endless_where_that_means_something() -> None:
    """Infinity is let through where it is asked for, and negative times are not."""
    assert checked_seconds("x", math.inf, finite=False) == math.inf
    assert checked_seconds("x", 0) == 0.0
    with pytest.raises(ValueError, match="x must be at least 0 seconds, not -1"):
        checked_seconds("x", -1, finite=False)


@pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1)])
def test_counts_are_whole_numbers_from_one_up(value: Any) -> None:
    """NumPy's integers count too, and become Python's."""
    assert checked_count("x", value, "so") == 1
    assert type(checked_count("x", value, "so")) is int


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_what_is_no_integer_does_not_count(value: Any) -> None:
    """Floats, booleans and strings are refused with the advice."""
    with pytest.raises(TypeError, match=re.escape(f"x must be an int, not {value!r}; write so")):
        checked_count("x", value, "write so")
    with pytest.raises(TypeError, match="write so"):
        checked_int("x", value, "write so")


@pytest.mark.parametrize("value", [0, -1])
def test_less_than_one_is_refused(value: int) -> None:
    """Nothing is done zero times."""
    assert checked_int("x", value, "write so") == value
    with pytest.raises(ValueError, match=f"x must be at least 1, not {value}; write so"):
        checked_count("x", value, "write so")


def test_functions_can_be_called() -> None:
    """What cannot be called is refused with what it would have to take."""
    check_callable("x", len, "a value")
    with pytest.raises(TypeError, match="x must be a function of a value, not 3"):
        check_callable("x", 3, "a value")


@pytest.mark.parametrize("value", ["c", None, 1, ["a"], np.array([1, 2])])
def test_choices_are_named(value: Any) -> None:
    """The error lists what can be chosen, whatever was given."""
    check_choice("x", "a", ("a", "b"))
    with pytest.raises(ValueError, match="x must be one of 'a', 'b', not"):
        check_choice("x", value, ("a", "b"))


def test_exceptions_come_by_types() -> None:
    """A type or a tuple of types is taken, like in an except clause; nothing else is."""
    check_error_types("x", OSError)
    check_error_types("x", (OSError, ValueError, ExceptionGroup))
    check_error_types("x", ())
    for value in (int, ValueError(), "OSError", [OSError], (OSError, (ValueError,)), None):
        with pytest.raises(TypeError, match="x must be an exception type or a tuple of such"):
            check_error_types("x", value)


@pytest.mark.parametrize("value", [BaseException, KeyboardInterrupt, (OSError, SystemExit), GeneratorExit, BaseExceptionGroup])
def test_exceptions_that_end_things_are_refused(value: Any) -> None:
    """What ends programs and tasks is not handled as an error, whoever asks."""
    with pytest.raises(ValueError, match="name types derived from Exception"):
        check_error_types("x", value)
