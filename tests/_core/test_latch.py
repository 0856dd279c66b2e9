"""The latch of a job: helpers come in while it is open, and the owner waits for the last to leave."""

import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from threads import collide, provoked

N_ROUNDS = 1_000


@pytest.fixture(scope="module")
def door(probe: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """A latch for so many helpers."""
    made: Callable[..., Any] = probe("latch").Door
    return made


def test_nobody_joins_before_it_is_open_or_after_it_is_closed(door: Callable[..., Any]) -> None:
    """A helper comes in only between opening and closing, and leaves no trace when it turns back."""
    latch = door()
    assert latch.join() == (False, False)
    latch.open()
    assert latch.is_open
    assert latch.join() == (True, False)
    latch.close()
    assert not latch.is_open
    assert latch.join() == (False, False)
    assert latch.n_helpers == 1


def test_it_is_quiet_when_the_last_left(door: Callable[..., Any]) -> None:
    """Two come in; it is not quiet until both have left."""
    latch = door()
    latch.open()
    latch.join()
    latch.join()
    latch.close()
    assert not latch.leave()
    assert not latch.is_quiet
    assert not latch.leave()
    assert latch.is_quiet


def test_a_wait_for_nobody_ends_at_once(door: Callable[..., Any]) -> None:
    """An owner without helpers does not sleep at all."""
    door().wait(-1)


def test_a_bounded_wait_ends_while_helpers_are_in(door: Callable[..., Any]) -> None:
    """The owner can look for signals in between: after the given time it is back, and the helper still in."""
    latch = door()
    latch.open()
    latch.join()
    latch.close()
    began = time.monotonic_ns()
    latch.wait(10_000_000)
    assert time.monotonic_ns() - began >= 10_000_000
    assert not latch.is_quiet


def test_the_last_of_an_orphan_cleans_up(door: Callable[..., Any]) -> None:
    """When the owner goes away, the last helper is told to clean up, and the first is not."""
    latch = door()
    latch.open()
    latch.join()
    latch.join()
    latch.close()
    assert latch.orphan()
    assert [latch.leave(), latch.leave()] == [False, True]


def test_an_orphan_without_helpers_stays_its_owners(door: Callable[..., Any]) -> None:
    """When all helpers have left already, the owner is told that the clean-up is its own, and nobody else is."""
    latch = door()
    latch.open()
    latch.close()
    assert not latch.orphan()
    assert latch.join() == (False, False)


def test_one_who_turns_back_can_be_the_one_to_clean_up(door: Callable[..., Any]) -> None:
    """A helper that only looked in, and is the last to go, has to clean up like any other."""
    latch = door()
    latch.open()
    latch.join()
    latch.close()
    latch.orphan()
    assert latch.join() == (False, False)
    assert latch.leave()


@pytest.mark.parametrize("n_helpers", [1, 3])
def test_the_owner_sees_all_that_was_done_inside(door: Callable[..., Any], n_helpers: int) -> None:
    """Round after round on one latch, the owner is woken, finds nobody inside, and sees everything they wrote."""

    def somebody_joined() -> bool:
        latch = door(n_helpers)
        helpers = [partial(latch.help, helper) for helper in range(n_helpers)]
        assert collide([partial(latch.own, N_ROUNDS, 1), *helpers])[0] == (0, 0)
        n_joined, n_astray, n_cleaned = latch.counts
        assert (n_astray, n_cleaned) == (0, 0)
        return bool(n_joined > 0)

    assert provoked(somebody_joined)


@pytest.mark.parametrize("n_helpers", [1, 3])
def test_exactly_one_cleans_up(door: Callable[..., Any], n_helpers: int) -> None:
    """Of all who leave an orphan at the same moment as its owner, exactly one cleans up, every time."""

    def both_ways_were_taken() -> bool:
        latch = door(n_helpers)
        helpers = [partial(latch.help, helper) for helper in range(n_helpers)]
        n_left = collide([partial(latch.own_and_go, N_ROUNDS, 1), *helpers])[0]
        assert latch.counts[1:] == (0, n_left)
        return bool(0 < n_left < N_ROUNDS)

    assert provoked(both_ways_were_taken)
