"""Waits: how they grow, and how they are spread."""

import math
import random
import statistics
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightwork import Retry
from lightwork.policies.backoff import JITTERS, jittered, planned

SECONDS = st.floats(0, 1e300)
FACTORS = st.floats(1, 1e300)
ATTEMPTS = st.integers(1, 10**9)


class Drawn:
    """Draws one number again and again."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self) -> float:
        return self.number


@pytest.mark.parametrize(("factor", "waits"), [(2.0, [1.5, 3, 6, 12, 20, 20]), (1.0, [1.5] * 6), (10.0, [1.5, 15, 20, 20, 20, 20])])
def test_waits_grow_by_the_factor_up_to_the_longest(factor: float, waits: list[float]) -> None:
    """The first wait is the back-off itself."""
    assert [planned(1.5, factor, 20.0, attempt) for attempt in range(1, 7)] == waits


@given(SECONDS, FACTORS, SECONDS, ATTEMPTS)
def test_no_wait_overflows(backoff: float, factor: float, longest: float, attempt: int) -> None:
    """However many attempts there were, a wait is a number from 0 to the longest."""
    assert 0 <= planned(backoff, factor, longest, attempt) <= longest


@given(SECONDS, FACTORS, SECONDS, st.integers(1, 2000))
def test_no_wait_is_shorter_than_the_one_before(backoff: float, factor: float, longest: float, attempt: int) -> None:
    """Waits never shrink, not where they overflow either."""
    assert planned(backoff, factor, longest, attempt) <= planned(backoff, factor, longest, attempt + 1)


@pytest.mark.parametrize("attempt", [1, 1025, 10**9])
def test_no_back_off_is_none_after_any_number_of_attempts(attempt: int) -> None:
    """Nothing times an overflow is nothing."""
    assert planned(0.0, 2.0, 60.0, attempt) == 0.0


def test_waits_may_come_from_a_function() -> None:
    """A function of the number of attempts makes any series, which is clamped like the others."""
    assert [planned(lambda attempt: 2 * attempt, 3.0, 5.0, attempt) for attempt in (1, 2, 3)] == [2.0, 4.0, 5.0]
    assert planned(lambda _: math.inf, 1.0, 5.0, 1) == 5.0
    for wrong in (-1, math.nan):
        with pytest.raises(ValueError, match="what backoff returns must be"):
            planned(lambda _: wrong, 1.0, 5.0, 1)  # noqa: B023 - called at once
    with pytest.raises(TypeError, match="what backoff returns must be a number, not None"):
        planned(lambda _: None, 1.0, 5.0, 1)  # type: ignore[arg-type, return-value]


def test_every_kind_of_jitter_has_a_name() -> None:
    """Type checkers know the same kinds as the code does."""
    assert set(get_args(get_type_hints(Retry)["jitter"])) == set(JITTERS)


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("full", 0.0, 8.0), ("equal", 4.0, 8.0), ("half", 4.0, 12.0), ("decorrelated", 1.0, 3.0), ("none", 8.0, 8.0)]
)
def test_each_kind_of_jitter_has_its_range(kind: str, low: float, high: float) -> None:
    """The least and the largest draw give the ends of the range; the first step of a walk goes from the first wait to thrice that."""
    assert jittered(kind, 8.0, 1.0, 100.0, 1, Drawn(0.0)) == low
    assert jittered(kind, 8.0, 1.0, 100.0, 1, Drawn(math.nextafter(1, 0))) == pytest.approx(high, rel=1e-12)


@given(st.sampled_from(JITTERS), SECONDS, SECONDS, SECONDS, ATTEMPTS, st.floats(0, 1, exclude_max=True))
def test_jitter_never_makes_a_wait_too_long(kind: str, first: float, delay: float, longest: float, attempt: int, draw: float) -> None:
    """Waits are clamped after they are spread, so no kind exceeds the longest."""
    assert 0 <= jittered(kind, min(delay, longest), min(first, longest), longest, attempt, Drawn(draw)) <= longest


@pytest.mark.parametrize("kind", ["full", "equal", "half"])
def test_waits_are_spread_evenly(kind: str) -> None:
    """Of many draws, a tenth falls into each tenth of the range."""
    source = random.Random(4)
    waits = [jittered(kind, 8.0, 1.0, 100.0, 3, source) for _ in range(20_000)]
    low, high = {"full": (0, 8), "equal": (4, 8), "half": (4, 12)}[kind]
    counts, _ = np.histogram(waits, bins=10, range=(low, high))
    assert counts.sum() == 20_000
    assert counts.min() > 1800 and counts.max() < 2200


def test_a_walk_has_the_distribution_of_one_that_remembers() -> None:
    """The third wait of the walk is spread like that of one which is walked once, step by step."""
    ours, theirs = random.Random(1), random.Random(2)

    def third() -> float:
        wait = 1.0
        for _ in range(3):
            wait = min(theirs.uniform(1.0, 3 * wait), 10.0)
        return wait

    waits = sorted(jittered("decorrelated", math.nan, 1.0, 10.0, 3, ours) for _ in range(20_000))
    expected = sorted(third() for _ in range(20_000))
    assert max(abs(a - b) for a, b in zip(waits, expected, strict=True) if a < 9) < 0.35
    assert statistics.mean(waits) == pytest.approx(statistics.mean(expected), rel=0.02)


@pytest.mark.parametrize("source", [random, random.Random(3), np.random.default_rng(3)], ids=["module", "instance", "numpy"])
def test_anything_that_draws_will_do(source: Any) -> None:
    """The module random, its instances and NumPy's generators draw alike."""
    assert 0 <= jittered("full", 8.0, 1.0, 100.0, 1, source) < 8
