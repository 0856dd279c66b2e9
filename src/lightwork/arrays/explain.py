"""What a fused function does, in words: its programs, step by step, and how much memory they move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lightwork._core.lowering import Entry, Recipe
    from lightwork._core.program import Program

__all__ = ["Explanation", "ProgramExplanation", "explain_programs"]


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things in words."""
    return f"{count} {one if count == 1 else many or one + 's'}"


@dataclass(frozen=True)
class StepExplanation:
    """
    One loop over a block.

    Attributes
    ----------
    name : str
        The ufunc, or ``cast``, ``copy``, ``where``, ``real``, ``imag``.
    inputs, outputs : tuple of str
        Slots: ``a0`` is the first array read, ``r0`` the first result, ``c0`` a constant, ``t0`` a temporary.
    dtypes : tuple of numpy.dtype
        Of the inputs, then of the outputs.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dtypes: tuple[np.dtype[Any], ...]

    def __str__(self) -> str:
        names = [dtype.name for dtype in self.dtypes]
        n_inputs = len(self.inputs)
        call = f"{', '.join(self.outputs)} = {self.name}({', '.join(self.inputs)})"
        return f"{call:<40}{', '.join(names[:n_inputs])} -> {', '.join(names[n_inputs:])}"


@dataclass(frozen=True)
class ProgramExplanation:
    """
    The steps for all values of one shape.

    Attributes
    ----------
    steps : tuple of StepExplanation
        In the order in which each block goes through them.
    inputs, outputs : tuple of numpy.dtype
        Of the arrays read and written.
    n_temporaries : int
        Blocks of memory that a worker needs besides.
    block : int
        Items of a block.
    bytes_moved, bytes_moved_by_numpy : int
        For each item, from and to memory: of the arrays read and written here, and of those that the same ufunc calls read and write one by one.
    """

    steps: tuple[StepExplanation, ...]
    inputs: tuple[np.dtype[Any], ...]
    outputs: tuple[np.dtype[Any], ...]
    n_temporaries: int
    block: int
    bytes_moved: int
    bytes_moved_by_numpy: int

    def __str__(self) -> str:
        head = f"{counted(len(self.steps), 'step')} over blocks of {self.block} items, {counted(self.n_temporaries, 'temporary', 'temporaries')}"
        lines = [f"  {number:>3}  {step}" for number, step in enumerate(self.steps, 1)]
        return "\n".join([head, *lines, f"  {self.bytes_moved} bytes moved for each item; NumPy call by call: {self.bytes_moved_by_numpy}"])


@dataclass(frozen=True)
class Explanation:
    """
    What a call of a fused function runs.

    Attributes
    ----------
    programs : tuple of ProgramExplanation
        One for each shape, in the order in which they run.
    reason : str or None
        Why NumPy itself does it, if it does; there are no programs then.
    has_few_items : bool
        Whether NumPy does it for there being few items. The programs are those of more.
    """

    programs: tuple[ProgramExplanation, ...]
    reason: str | None = None
    has_few_items: bool = False

    def __str__(self) -> str:
        if self.reason is not None:
            return f"NumPy does this itself: {self.reason}"
        head = ["NumPy does this itself, being as quick with so few items; of more, it would be"] if self.has_few_items else []
        return "\n".join([*head, *map(str, self.programs)]) if self.programs else "nothing to compute"

    def __repr__(self) -> str:
        return str(self)


def explain_programs(programs: tuple[Program, ...], *, has_few_items: bool) -> Explanation:
    """
    Explain compiled programs.

    Parameters
    ----------
    programs : tuple of Program
    has_few_items : bool
        Whether NumPy computes that instead.

    Returns
    -------
    Explanation
    """
    return Explanation(tuple([_explain_program(program) for program in programs]), has_few_items=has_few_items)


def _explain_program(program: Program) -> ProgramExplanation:
    recipe, plan = program.recipe, program.plan
    n_inputs = len(recipe.inputs)
    names = [*_names("a", n_inputs), *_names("r", len(recipe.outputs)), *_names("c", recipe.n_constants), *_names("t", len(plan.temporaries))]
    steps: list[StepExplanation] = []
    for step in plan.steps:
        count = len(step.slots) - 1 if step.loop is None else step.loop.nin
        slots = [names[slot] for slot in step.slots]
        steps.append(StepExplanation("cast" if step.loop is None else step.loop.name, tuple(slots[:count]), tuple(slots[count:]), step.dtypes))
    return ProgramExplanation(
        steps=tuple(steps),
        inputs=plan.dtypes[:n_inputs],
        outputs=plan.dtypes[n_inputs:],
        n_temporaries=len(plan.temporaries),
        block=program.block,
        bytes_moved=sum(dtype.itemsize for dtype in plan.dtypes),
        bytes_moved_by_numpy=sum(_bytes_of_entries(recipe)),
    )


def _names(letter: str, count: int) -> Iterator[str]:
    return (f"{letter}{i}" for i in range(count))


def _bytes_of_entries(recipe: Recipe) -> Iterator[int]:
    """Yield what NumPy reads and writes for each call, in bytes an item; constants stay in the cache."""
    dtypes = dict(zip(recipe.inputs, recipe.input_dtypes, strict=True))
    for entry in recipe.entries:
        computed = _computed(entry)
        dtypes |= computed
        yield sum(dtypes[argument].itemsize for argument in entry.arguments if argument >= 0) + sum(dtype.itemsize for dtype in computed.values())


def _computed(entry: Entry) -> dict[int, np.dtype[Any]]:
    """Return the dtypes of what an entry computes, by number."""
    return {entry.first + i: dtype for i, dtype in enumerate(entry.loop.dtypes[entry.loop.nin :])}
