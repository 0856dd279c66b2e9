"""For how long to look out for something before falling asleep."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def probe_of_patience(probe: Callable[[str], ModuleType]) -> Any:
    """The probe."""
    return probe("patience")


@pytest.fixture
def waiter(probe_of_patience: Any) -> Any:
    """Somebody who has learned nothing yet."""
    return probe_of_patience.Waiter()


def test_who_is_rewarded_keeps_looking(waiter: Any, probe_of_patience: Any) -> None:
    """However long it took."""
    most = probe_of_patience.MOST
    assert [waiter.wait(most) for _ in range(200)] == [(most, True)] * 200


def test_who_is_not_gives_up_sooner_and_sooner(waiter: Any, probe_of_patience: Any) -> None:
    """Down to a look, but for a trial from time to time; on average a wait costs few looks."""
    waits = [waiter.wait(10**9)[0] for _ in range(10 * probe_of_patience.EVERY)]
    assert waits[:3] == [probe_of_patience.MOST, probe_of_patience.MOST // 2, probe_of_patience.MOST // 4]
    later = waits[-4 * probe_of_patience.EVERY :]
    assert later.count(probe_of_patience.MOST) == 4
    assert later.count(probe_of_patience.LEAST) == len(later) - 4
    assert sum(later) / len(later) < 2 * probe_of_patience.LEAST


def test_a_trial_teaches_how_long_is_enough(waiter: Any, probe_of_patience: Any) -> None:
    """What always comes a little later than one looks out for is found some time, and from then on always."""
    for _ in range(20):
        waiter.wait(10**9)
    enough = 10 * probe_of_patience.LEAST
    came = [waiter.wait(enough)[1] for _ in range(3 * probe_of_patience.EVERY)]
    assert not came[0]
    assert all(came[probe_of_patience.EVERY :])
    assert max(waiter.wait(enough)[0] for _ in range(10)) == 2 * enough


def test_two_who_wake_each_other_stay_awake(probe_of_patience: Any) -> None:
    """Each takes long to wake up: a little longer than the other would look out, had both learned nothing from trials."""
    wake_ns, work_ns = 55_000, 3_000
    one, other = probe_of_patience.Waiter(), probe_of_patience.Waiter()
    for _ in range(20):  # of waits for nothing
        one.wait(10**9)
        other.wait(10**9)
    is_one_awake = is_other_awake = False
    for _ in range(4 * probe_of_patience.EVERY):
        is_one_awake = one.wait(work_ns if is_other_awake else wake_ns + work_ns)[1]
        is_other_awake = other.wait(work_ns if is_one_awake else wake_ns + work_ns)[1]
    assert is_one_awake and is_other_awake
