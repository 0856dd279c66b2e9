"""The deque, under the names that every queue is tested by."""

import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from threads import collide, provoked

N_VALUES = 200_000


@pytest.fixture(scope="module")
def arena(probe: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """A deque of a small capacity, so that it grows again and again, and values to push."""
    return partial(probe("deque").Arena, 2)


def test_smoke(arena: Callable[..., Any]) -> None:
    """The owner pops what it pushed last, a thief steals what was pushed first, and nothing comes out of nothing."""
    deque = arena(3)
    assert deque.pop() is None
    assert deque.steal() == ("EMPTY", None)
    assert [deque.push(), deque.push(), deque.push()] == [0, 1, 2]
    assert deque.steal() == ("GOT", 0)
    assert deque.pop() == 2
    assert deque.pop() == 1
    assert deque.pop() is None
    assert deque.steal() == ("EMPTY", None)


def test_is_empty(arena: Callable[..., Any]) -> None:
    """The length follows every push, pop and theft, and a pop of nothing leaves it at zero."""
    deque = arena(2)
    assert len(deque) == 0
    deque.push()
    deque.push()
    assert len(deque) == 2
    deque.steal()
    assert len(deque) == 1
    deque.pop()
    deque.pop()
    assert len(deque) == 0


def test_spsc(arena: Callable[..., Any]) -> None:
    """One thief gets all that the owner pushes, in the order of the pushes."""
    deque = arena(N_VALUES, n_parties=2)
    _, (stolen, _) = collide([deque.push_all, deque.steal_all])
    np.testing.assert_array_equal(stolen, np.arange(N_VALUES))


def test_stampede(arena: Callable[..., Any]) -> None:
    """When all run for a full deque, each item goes to one of them, to thieves from the front and to the owner from the back."""
    deque = arena(N_VALUES, n_parties=4)
    for _ in range(N_VALUES):
        deque.push()
    popped, *thefts = collide([deque.pop_all, *[deque.steal_all] * 3])
    assert np.all(np.diff(popped) < 0)
    assert all(np.all(np.diff(stolen) > 0) for stolen, _ in thefts)
    everything = np.concatenate([popped, *(stolen for stolen, _ in thefts)])
    np.testing.assert_array_equal(np.sort(everything), np.arange(N_VALUES))


@pytest.mark.parametrize("n_thieves", [1, 3, 7])
def test_stress(arena: Callable[..., Any], n_thieves: int) -> None:
    """Whatever the owner pushes and pops in between, every item goes to exactly one, as its owner wrote it."""
    deque = arena(N_VALUES, n_parties=n_thieves + 1)
    popped, *thefts = collide([partial(deque.push_and_pop, n_thieves), *[deque.steal_all] * n_thieves])
    everything = np.concatenate([popped, *(stolen for stolen, _ in thefts)])
    np.testing.assert_array_equal(np.sort(everything), np.arange(N_VALUES))


def test_a_lost_race_is_told_from_an_empty_deque(arena: Callable[..., Any]) -> None:
    """A thief that comes second is told that it LOST, not that there is nothing."""

    def lose() -> bool:
        deque = arena(N_VALUES, n_parties=3)
        for _ in range(N_VALUES):
            deque.push()
        return any(n_lost for _, n_lost in collide([deque.steal_all] * 3))

    assert provoked(lose)


@pytest.mark.parametrize("n_thieves", [1, 3, 7])
def test_no_starvation(arena: Callable[..., Any], n_thieves: int) -> None:
    """However busy the owner is, each thief gets something in the end."""
    deque = arena(1, n_parties=n_thieves + 1)
    assert all(collide([partial(deque.feed, n_thieves, 1), *[deque.steal_one] * n_thieves]))


def test_growing_keeps_what_is_there(arena: Callable[..., Any]) -> None:
    """A deque of two slots takes as many items as come, by doubling, wherever its front stands."""
    deque = arena(1000)
    taken = []
    for _ in range(500):
        deque.push()
        deque.push()
        taken.append(deque.steal()[1])
    while len(deque):
        taken.append(deque.steal()[1])
    assert taken == list(range(1000))
    assert deque.n_rings == 9  # 2, 4, 8, … 512


def resident_bytes() -> int:
    """The memory that this process has now; its peak would hide what is less than some other test has used."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_destructors(arena: Callable[..., Any]) -> None:
    """A deque that goes gives back all its rings, the outgrown ones too, also with items left in it."""

    def grow() -> None:
        deque = arena(2**17)
        deque.push_all()
        assert deque.n_rings == 17

    grow()
    before = resident_bytes()
    for _ in range(50):
        grow()
    assert resident_bytes() - before < 50 * 10**6, "50 deques of 2 MB left half of it behind"
