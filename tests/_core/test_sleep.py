"""How a worker falls asleep, and that no wake-up is lost on the way."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from threads import collide, provoked

N_ROUNDS = 10_000


@pytest.fixture(scope="module")
def night(probe: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """A dormitory."""
    made: Callable[..., Any] = probe("sleep").Night
    return made


def test_who_announced_can_be_woken_before_it_sleeps(night: Callable[..., Any]) -> None:
    """A waker that comes between announcing and sleeping is not missed: the sleeper gets up at once."""
    dormitory = night(1, 1)
    assert dormitory.is_awake
    dormitory.announce(0)
    assert not dormitory.is_awake
    assert dormitory.wake(0)
    dormitory.commit(0)
    assert dormitory.is_awake


def test_only_one_wakes_a_sleeper(night: Callable[..., Any]) -> None:
    """The second waker is told that it was not the one."""
    dormitory = night(1, 1)
    dormitory.announce(0)
    assert [dormitory.wake(0), dormitory.wake(0)] == [True, False]
    dormitory.commit(0)


def test_cancelling_takes_the_announcement_back(night: Callable[..., Any]) -> None:
    """Who found work after all is awake, and nobody wakes it."""
    dormitory = night(1, 1)
    dormitory.announce(0)
    assert dormitory.cancel(0)
    assert dormitory.is_awake
    assert not dormitory.wake(0)


def test_a_token_that_came_too_late_does_not_stay(night: Callable[..., Any]) -> None:
    """A sleeper that cancels after it was woken takes the token along, so that its next sleep is one."""
    dormitory = night(1, 1)
    dormitory.announce(0)
    assert dormitory.wake(0)
    assert not dormitory.cancel(0)
    assert not dormitory.has_token(0)


@pytest.mark.parametrize("n_sleepers", [1, 2, 4])
def test_no_wake_up_is_lost(night: Callable[..., Any], n_sleepers: int) -> None:
    """Ten thousand pieces of work, posted at any moment of falling asleep, are all taken."""

    def somebody_slept() -> bool:
        dormitory = night(n_sleepers, n_sleepers + 1)
        sleepers = [partial(dormitory.sleep, sleeper, 1) for sleeper in range(n_sleepers)]
        assert collide([*sleepers, partial(dormitory.post_rounds, N_ROUNDS, 1, 1)])[-1] == N_ROUNDS
        return bool(dormitory.times_slept > 0)

    assert provoked(somebody_slept)


@pytest.mark.parametrize("n_sleepers", [2, 4])
def test_each_piece_of_work_wakes_one(night: Callable[..., Any], n_sleepers: int) -> None:
    """As many pieces as there are sleepers, each held until all are taken, bring all of them up."""
    dormitory = night(n_sleepers, n_sleepers + 1)
    sleepers = [partial(dormitory.sleep, sleeper, n_sleepers) for sleeper in range(n_sleepers)]
    assert collide([*sleepers, partial(dormitory.post_rounds, N_ROUNDS // n_sleepers, n_sleepers, 1)])[-1] == N_ROUNDS // n_sleepers


def test_who_sleeps_is_never_uncounted(night: Callable[..., Any]) -> None:
    """While one sleeps, the dormitory never looks awake, whatever another does and whoever wakes it."""
    dormitory = night(2, 3)
    dormitory.announce(1)
    _, _, n_awake = collide([partial(dormitory.nod, 0, 1_000_000), partial(dormitory.nudge, 0), dormitory.watch])
    assert n_awake == 0
