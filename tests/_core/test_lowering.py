"""Lowering: which steps a recipe becomes, and where their operands are."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lightwork._core.lowering import Entry, Recipe, lower

F8, I8 = np.dtype("f8"), np.dtype("i8")


@dataclass(frozen=True)
class FakeLoop:
    """What lowering needs of a loop."""

    name: str
    dtypes: tuple[np.dtype[Any], ...]
    nin: int
    nout: int = 1
    fn: object = None


ADD = FakeLoop("add", (F8, F8, F8), 2)
NEGATIVE = FakeLoop("negative", (F8, F8), 1)
MODF = FakeLoop("modf", (F8, F8, F8), 1, 2)
COPY = FakeLoop("copy", (F8, F8), 1, fn=np.copy)


def recipe(*entries: tuple[Any, ...], inputs: int, outputs: tuple[int, ...], dtypes: tuple[np.dtype[Any], ...] = (), n_constants: int = 0) -> Recipe:
    """Abbreviate."""
    return Recipe(tuple(Entry(*entry) for entry in entries), tuple(range(inputs)), outputs, dtypes or (F8,) * inputs, n_constants)


def loops(steps: Any) -> list[Any]:
    """Return what each step runs; None for a cast."""
    return [step.loop for step in steps]


def test_operands_come_first_then_constants_then_temporaries() -> None:
    """Slots are numbered in this order."""
    plan = lower(recipe((ADD, (0, -1), 1), (ADD, (1, -2), 2), inputs=1, outputs=(2,), n_constants=2))
    assert [step.slots for step in plan.steps] == [(0, 2, 4), (4, 3, 1)]
    assert plan.temporaries == (8,)
    assert plan.dtypes == (F8, F8)


def test_a_chain_needs_one_temporary() -> None:
    """Each step writes where the one before it wrote, however long the chain."""
    entries = [(NEGATIVE, (value,), value + 1) for value in range(20)]
    plan = lower(recipe(*entries, inputs=1, outputs=(20,)))
    assert plan.temporaries == (8,)
    assert [step.slots for step in plan.steps] == [(0, 2), *[(2, 2)] * 18, (2, 1)]


def test_what_is_read_later_is_not_written_over() -> None:
    """A temporary keeps its slot until its last reader."""
    plan = lower(recipe((NEGATIVE, (0,), 1), (NEGATIVE, (1,), 2), (ADD, (1, 2), 3), inputs=1, outputs=(3,)))
    first, second, third = (step.slots for step in plan.steps)
    assert first[-1] != second[-1]
    assert set(third[:2]) == {first[-1], second[-1]}


def test_two_outputs_of_a_loop_are_apart_from_its_input() -> None:
    """A loop of several outputs does not write where it reads."""
    plan = lower(recipe((NEGATIVE, (0,), 1), (MODF, (1,), 2), (ADD, (2, 3), 4), inputs=1, outputs=(4,)))
    assert len({*plan.steps[1].slots}) == 3


def test_outputs_that_nobody_reads_give_their_slot_back() -> None:
    """What only its warnings are wanted for takes a slot for one step."""
    entries = [(NEGATIVE, (0,), value) for value in (1,)] + [(ADD, (0, -1), 2), (ADD, (0, -2), 3), (ADD, (0, -3), 4)]
    plan = lower(recipe(*entries, inputs=1, outputs=(4,), n_constants=3))
    assert len(plan.temporaries) == 1


def test_the_same_is_computed_once() -> None:
    """Two entries that say the same are one step, and both know where their flags come from."""
    plan = lower(recipe((NEGATIVE, (0,), 1), (NEGATIVE, (0,), 2), (ADD, (1, 2), 3), inputs=1, outputs=(3,)))
    assert len(plan.steps) == 2
    assert plan.sources[0] == plan.sources[1]


def test_two_outputs_that_are_the_same_are_two() -> None:
    """What is left behind twice is written twice."""
    plan = lower(recipe((NEGATIVE, (0,), 1), (NEGATIVE, (0,), 2), inputs=1, outputs=(1, 2)))
    assert [step.slots for step in plan.steps] == [(0, 1), (0, 2)]


def test_casts_come_before_the_loop_once() -> None:
    """An input of another dtype is cast, once for all who want it so, and its slot is nobody else's."""
    plan = lower(recipe((ADD, (0, 1), 2), (ADD, (2, 1), 3), inputs=2, outputs=(3,), dtypes=(F8, I8)))
    assert loops(plan.steps) == [None, ADD, ADD]
    assert plan.steps[0].dtypes == (I8, F8)
    assert plan.sources[0] == ((0,), 1)
    assert plan.sources[1] == ((0,), 2)
    assert plan.steps[1].slots[-1] != plan.steps[0].slots[-1]


def test_copies_are_not_made() -> None:
    """A copy is another name for its original, unless it is what is left behind."""
    plan = lower(recipe((COPY, (0,), 1), (NEGATIVE, (1,), 2), inputs=1, outputs=(2,)))
    assert loops(plan.steps) == [NEGATIVE]
    assert plan.sources[0] == ((), None)
    assert loops(lower(recipe((COPY, (0,), 1), inputs=1, outputs=(1,))).steps) == [COPY]


def test_constants_are_copied() -> None:
    """A loop may do something else where all items are one, so an array that is a constant is written out."""
    plan = lower(recipe((COPY, (-1,), 1), (ADD, (0, 1), 2), inputs=1, outputs=(2,), n_constants=1))
    assert loops(plan.steps) == [COPY, ADD]
