"""Where a thread sleeps."""

import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from threads import collide


@pytest.fixture
def beds(probe: Callable[[str], ModuleType]) -> Any:
    """Two parkers."""
    return probe("parker").Beds()


def test_a_token_left_before_is_not_lost(beds: Any) -> None:
    """Who is woken before it sleeps does not fall asleep."""
    beds.unpark()
    assert beds.park(-1)


def test_there_is_one_token_at_most(beds: Any) -> None:
    """Woken twice, one sleeps through the third time."""
    beds.unpark()
    beds.unpark()
    assert beds.park(-1)
    assert not beds.park(0)


@pytest.mark.parametrize("timeout", [0, 1, 20_000_000, 1_100_000_000])
def test_a_bounded_sleep_ends_without_a_token(beds: Any, timeout: int) -> None:
    """Without a token the sleep ends when its time is over, not before, and says so; also where that crosses a second."""
    began = time.monotonic_ns()
    assert not beds.park(timeout)
    assert time.monotonic_ns() - began >= timeout


def test_two_wake_each_other_in_turn(beds: Any) -> None:
    """Twenty thousand times in a row, no wake-up is lost."""
    assert collide(partial(beds.alternate, side, 20_000) for side in (0, 1)) == [0, 0]
