"""Rate limits as values."""

import copy
import math
import pickle
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightwork import RateLimit


@pytest.mark.parametrize(("per", "seconds"), [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400), (2.5, 2.5), (np.int32(7), 7)])
def test_a_period_has_a_name_or_a_length(per: Any, seconds: float) -> None:
    """The rate is the count by the period's seconds."""
    limit = RateLimit(90, per)
    assert limit.seconds == seconds
    assert limit.rate == 90 / seconds


def test_a_bare_number_is_per_second() -> None:
    """RateLimit.of takes numbers and limits, and says what it takes."""
    assert RateLimit.of(10) == RateLimit(10, "second", burst=1)
    limit = RateLimit(90, "minute", 5)
    assert RateLimit.of(limit) is limit
    for value in ("10", None, True, [10]):
        with pytest.raises(TypeError, match="a rate limit is a RateLimit or a number per second"):
            RateLimit.of(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "count must be finite and greater than 0, not 0; for no limit pass rate_limit=None"),
        ((-1,), "count must be finite and greater than 0"),
        ((math.inf,), "count must be finite and greater than 0"),
        ((math.nan,), "count must be a number, not NaN"),
        ((10**400,), "count must be a number that a float can hold"),
        ((1, 0), "per must be finite and greater than 0 seconds, not 0"),
        ((1, -1.0), "per must be finite and at least 0 seconds"),
        ((1, math.inf), "per must be finite"),
        ((1, math.nan), "per must be a number, not NaN"),
        ((1, "fortnight"), "per must be one of second, minute, hour, day, or seconds, not 'fortnight'"),
        ((1, 1, 0.5), "burst must be finite and at least 1, not 0.5"),
        ((1, 1, math.inf), "burst must be finite and at least 1, not inf"),
        ((1, 1, math.nan), "burst must be a number, not NaN"),
        ((1e308, 1e-10), "more, or less, than can be reckoned with"),
        ((5e-324, 1e10), "more, or less, than can be reckoned with"),
        ((1e-200, 1, 1e200), "more, or less, than can be reckoned with"),
    ],
)
def test_numbers_out_of_range_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    """Every number is checked when the limit is made, and the error names it."""
    with pytest.raises(ValueError, match=re.escape(message)):
        RateLimit(*arguments)


@pytest.mark.parametrize("arguments", [("1",), (True,), (None,), (1, None), (1, True), (1, 1, "1"), (1, 1, False)])
def test_what_is_no_number_is_refused(arguments: tuple[Any, ...]) -> None:
    """Strings, booleans and None are no numbers of starts, seconds or bursts."""
    with pytest.raises(TypeError, match="must be a number, not"):
        RateLimit(*arguments)


@given(st.floats(1e-6, 1e6), st.sampled_from(["second", "minute", "hour", "day"]) | st.floats(1e-6, 1e6), st.floats(1, 1e6))
def test_limits_are_values(count: float, per: Any, burst: float) -> None:
    """Copies are equal to, and stand in for, the original."""
    limit = RateLimit(count, per, burst)
    assert pickle.loads(pickle.dumps(limit)) == copy.deepcopy(limit) == limit
    assert hash(RateLimit(count, per, burst)) == hash(limit)
    assert limit.rate * limit.seconds == pytest.approx(count)


def test_limits_are_frozen() -> None:
    """A limit that is shared cannot be changed by one of those who share it."""
    with pytest.raises(AttributeError):
        RateLimit(1).count = 2  # type: ignore[misc]
