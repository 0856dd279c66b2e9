"""
From a recipe, which says what to compute, to a plan, which says where each step finds its operands.

Values are numbered and never change. What was computed before is not planned again. A temporary's slot is free for others as soon as nobody reads
it any more, so that few of them hold a long expression.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lightwork._core.loop import Loop

__all__ = ["Entry", "Plan", "Recipe", "Step", "lower"]


class Entry(NamedTuple):
    """
    One call of a loop.

    Attributes
    ----------
    loop : Loop
        What to run.
    arguments : tuple of int
        Its inputs: values by their numbers, and constants as -1 for the first cell, -2 for the second and so on.
    first : int
        The number of its first output; the others follow.
    """

    loop: Loop
    arguments: tuple[int, ...]
    first: int


class Recipe(NamedTuple):
    """
    What a program is to compute; it is compiled once.

    Attributes
    ----------
    entries : tuple of Entry
        In the order of the calls.
    inputs, outputs : tuple of int
        The values to be read and those to be left behind, by number.
    input_dtypes : tuple of numpy.dtype
        Of the inputs, in native byte order.
    n_constants : int
        Cells of constants, each of which holds an item of the dtype that the loop wants.
    """

    entries: tuple[Entry, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    input_dtypes: tuple[np.dtype[Any], ...]
    n_constants: int


class Step(NamedTuple):
    """A loop to run, or None for a cast; the dtypes of its operands; the slots in which they are."""

    loop: Loop | None
    dtypes: tuple[np.dtype[Any], ...]
    slots: tuple[int, ...]


class Source(NamedTuple):
    """The steps that compute an entry of the recipe: the casts of its inputs, and the loop itself if there is one."""

    casts: tuple[int, ...]
    loop: int | None


class Plan(NamedTuple):
    """
    Steps and slots.

    Attributes
    ----------
    steps : tuple of Step
        To be run one after the other, over each block.
    dtypes : tuple of numpy.dtype
        Of the operands, which are the first slots; cells of constants come next, then temporaries.
    temporaries : tuple of int
        Bytes for an item of each temporary.
    sources : tuple of Source
        For each entry of the recipe, where its floating-point flags come from.
    """

    steps: tuple[Step, ...]
    dtypes: tuple[np.dtype[Any], ...]
    temporaries: tuple[int, ...]
    sources: tuple[Source, ...]


class _Draft(NamedTuple):
    """A step whose operands are registers: values after casts and merging, each written once. Constants are negative."""

    loop: Loop | None
    dtypes: tuple[np.dtype[Any], ...]
    inputs: list[int]
    outputs: list[int]

    @property
    def writes_in_place(self) -> bool:
        """Whether the output may be where an input was: a loop of one may write where it reads, as in NumPy's own ``x += y``."""
        return self.loop is not None and len(self.outputs) == 1


class _Drafter:
    """Turns the entries of a recipe into drafts."""

    def __init__(self, recipe: Recipe) -> None:
        self.drafts: list[_Draft] = []
        self.dtypes = list(recipe.input_dtypes)
        self.registers = {value: register for register, value in enumerate(recipe.inputs)}
        self._outputs = frozenset(recipe.outputs)
        self._known: dict[Hashable, int] = {}

    def enter(self, entry: Entry) -> Source:
        """Draft an entry: casts where its loop wants another dtype than there is, then the loop."""
        values = range(entry.first, entry.first + entry.loop.nout)
        must_write = not self._outputs.isdisjoint(values)
        casts, inputs = self._cast(entry)
        if entry.loop.fn is np.copy and inputs[0] >= 0 and not must_write:
            self.registers[entry.first] = inputs[0]  # values never change: nobody can tell a copy from the original
            return Source(tuple(casts), None)
        number = self._draft(entry.loop, entry.loop.dtypes, inputs, must_write=must_write)
        self.registers.update(zip(values, self.drafts[number].outputs, strict=True))
        return Source(tuple(casts), number)

    def _cast(self, entry: Entry) -> tuple[list[int], list[int]]:
        """Return the drafts that cast an entry's inputs, and the registers in which its loop finds them."""
        casts: list[int] = []
        inputs: list[int] = []
        for argument, dtype in zip(entry.arguments, entry.loop.dtypes, strict=False):
            register = argument if argument < 0 else self.registers[argument]
            if register >= 0 and self.dtypes[register] != dtype:
                casts.append(self._draft(None, (self.dtypes[register], dtype), [register]))
                register = self.drafts[casts[-1]].outputs[0]
            inputs.append(register)
        return casts, inputs

    def _draft(self, loop: Loop | None, dtypes: tuple[np.dtype[Any], ...], inputs: list[int], *, must_write: bool = False) -> int:
        """Return the number of the draft that computes this, an earlier one if it did and its result need not be elsewhere."""
        key = (loop, dtypes, *inputs)
        if must_write or key not in self._known:
            outputs = list(range(len(self.dtypes), len(self.dtypes) + len(dtypes) - len(inputs)))
            self.dtypes.extend(dtypes[len(inputs) :])
            self._known[key] = len(self.drafts)
            self.drafts.append(_Draft(loop, dtypes, inputs, outputs))
        return self._known[key]


class _Slots:
    """Gives registers their slots; a temporary's goes back when its last reader is done."""

    def __init__(self, fixed: dict[int, int], n_fixed: int, drafts: list[_Draft], dtypes: list[np.dtype[Any]]) -> None:
        self.itemsizes: list[int] = []
        self._taken = dict(fixed)
        self._kept: set[int] = set()
        self._n_fixed = n_fixed
        self._dtypes = dtypes
        self._free: dict[int, list[int]] = {}
        self._last_reader = {register: number for number, draft in enumerate(drafts) for register in draft.inputs}

    def place(self, number: int, draft: _Draft) -> tuple[int, ...]:
        """Return the slots of a draft's operands; all drafts before it have been placed."""
        inputs = [self._taken[register] for register in draft.inputs]
        done = [register for register in {*draft.inputs} if self._last_reader[register] == number]
        unread = [register for register in draft.outputs if register not in self._last_reader]
        if draft.writes_in_place:
            self._give_back(done)
        outputs = [self._take(register, draft) for register in draft.outputs]
        self._give_back(unread if draft.writes_in_place else done + unread)
        return (*inputs, *outputs)

    def _take(self, register: int, draft: _Draft) -> int:
        """Return an output's slot: a free one, but for a cast, whose block is in the iterator's own buffer until the next one."""
        if register not in self._taken:
            itemsize = self._dtypes[register].itemsize
            free = self._free.get(itemsize)
            if free and draft.loop is not None:
                self._taken[register] = free.pop()
            else:
                self._taken[register] = self._n_fixed + len(self.itemsizes)
                self.itemsizes.append(itemsize)
            if draft.loop is None:
                self._kept.add(self._taken[register])
        return self._taken[register]

    def _give_back(self, registers: list[int]) -> None:
        for slot in {self._taken[register] for register in registers}:
            if slot >= self._n_fixed and slot not in self._kept:
                self._free.setdefault(self.itemsizes[slot - self._n_fixed], []).append(slot)


def lower(recipe: Recipe) -> Plan:
    """Plan a recipe: merge what is computed twice, put casts in, share the temporaries' slots."""
    drafter = _Drafter(recipe)
    sources = tuple([drafter.enter(entry) for entry in recipe.entries])
    n_inputs = len(recipe.inputs)
    results = [drafter.registers[value] for value in recipe.outputs]
    fixed = {register: register for register in range(n_inputs)}
    fixed |= {register: n_inputs + i for i, register in enumerate(results)}
    n_operands = n_inputs + len(results)
    fixed |= {-1 - cell: n_operands + cell for cell in range(recipe.n_constants)}
    slots = _Slots(fixed, n_operands + recipe.n_constants, drafter.drafts, drafter.dtypes)
    steps = tuple([Step(draft.loop, draft.dtypes, slots.place(number, draft)) for number, draft in enumerate(drafter.drafts)])
    dtypes = recipe.input_dtypes + tuple([drafter.dtypes[register] for register in results])
    return Plan(steps, dtypes, tuple(slots.itemsizes), sources)
