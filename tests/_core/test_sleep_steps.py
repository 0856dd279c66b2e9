"""Falling asleep and waking up in every order of their steps, where the test of sleep takes the orders that threads happen to find."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest

Program = tuple[str, int]  # what somebody does, and with which of two sleepers
Log = tuple[int, ...]


class Memory(NamedTuple):
    """All that the programs share."""

    n_sleepy: int = 0
    n_posted: int = 0
    first_is_sleepy: int = 0
    second_is_sleepy: int = 0


AWAKE = Memory()
SECOND_ASLEEP = Memory(n_sleepy=1, second_is_sleepy=1)


class State(NamedTuple):
    """The memory, what each program has seen so far, and which of them are over."""

    memory: Memory
    logs: tuple[Log, ...]
    over: frozenset[int]


@pytest.fixture(scope="module")
def step(probe: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """The next atomic operation of a program."""
    made: Callable[..., Any] = probe("sleep_steps").step
    return made


def states(step: Callable[..., Any], programs: list[Program], beginning: Memory = AWAKE) -> Iterator[State]:
    """Every state that any order of the programs' steps leads to."""
    todo = [State(beginning, ((),) * len(programs), frozenset())]
    seen = set(todo)
    while todo:
        state = todo.pop()
        yield state
        fresh = set(successors(step, programs, state)) - seen
        seen |= fresh
        todo.extend(fresh)


def successors(step: Callable[..., Any], programs: list[Program], state: State) -> Iterator[State]:
    """The states that one more step leads to, of whichever program."""
    for index in set(range(len(programs))) - state.over:
        memory, log, is_over = step(*programs[index], state.memory, state.logs[index])
        logs = (*state.logs[:index], log, *state.logs[index + 1 :])
        yield State(Memory(*memory), logs, state.over | {index} if is_over else state.over)


def ends(step: Callable[..., Any], programs: list[Program], beginning: Memory = AWAKE) -> set[Memory]:
    """The memory when all programs are over, of which there is one at least."""
    found = {state.memory for state in states(step, programs, beginning) if len(state.over) == len(programs)}
    assert found
    return found


TROUBLEMAKERS: list[Program] = [("nod", 0), ("nod", 1), ("nudge", 0), ("nudge", 1)]


def test_who_is_sleepy_is_counted(step: Callable[..., Any]) -> None:
    """At no moment are fewer counted than are sleepy, and in the end they are as many."""
    for memory, _, _ in states(step, TROUBLEMAKERS):
        assert memory.n_sleepy >= memory.first_is_sleepy + memory.second_is_sleepy
    for memory in ends(step, TROUBLEMAKERS):
        assert memory.n_sleepy == memory.first_is_sleepy + memory.second_is_sleepy


def test_no_wake_up_is_lost_in_any_order(step: Callable[..., Any]) -> None:
    """Who falls asleep while another posts is woken, or sees the work, though a third wakes it in between."""
    assert ends(step, [("sleep", 0), ("post", 0), ("nudge", 0)]) == {Memory(n_posted=1)}


def test_each_piece_of_work_wakes_one_in_any_order(step: Callable[..., Any]) -> None:
    """Of two, one asleep and one about to be, both are awake after two pieces of work were posted, whoever wakes one in between."""
    assert ends(step, [("sleep", 0), ("post", 0), ("post", 0), ("nudge", 0)], SECOND_ASLEEP) == {Memory(n_posted=2)}
