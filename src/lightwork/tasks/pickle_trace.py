"""Pickling in slow motion: which parts of an object fail, and the way to each."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from lightwork.tasks.pickle_paths import Attributes, State, Step, is_a, named_state, parts_of_function, path_of
from lightwork.tasks.round_trip import Fault, fault_in

__all__ = ["Part", "Problem", "Tracer"]

N_PROBLEMS = 20  # that are looked for: who has more wants another object


class Part(NamedTuple):
    """A part of an object, and the way to it."""

    path: str
    obj: object


class Problem(NamedTuple):
    """A part that fails, and how."""

    part: Part
    fault: Fault


class _Null:
    def write(self, data: Any) -> int:
        return len(data)


def _out_of_band(_: pickle.PickleBuffer) -> None:
    """Leave the memory of an array where it is."""


if TYPE_CHECKING:

    class SlowPickler:
        """The pickler in Python, of which typeshed does not know what can be watched."""

        memo: dict[int, tuple[int, object]]

        def __init__(self, file: _Null, protocol: int, *, buffer_callback: Callable[[pickle.PickleBuffer], None]) -> None: ...
        def dump(self, obj: object) -> None: ...
        def save(self, obj: Any, save_persistent_id: bool = True) -> None: ...
        def save_reduce(self, func: Any, args: Any, state: Any = None, *others: Any, obj: Any = None) -> None: ...

else:
    SlowPickler = pickle._Pickler  # noqa: SLF001 - subclasses are what it is kept for beside the one in C


class Tracer(SlowPickler):
    """
    A pickler into nothing that notes a part that fails and goes on with the others.

    It calls what pickling calls, ``__reduce_ex__`` and ``__getstate__``, and otherwise looks without touching: no property is
    evaluated and no part is printed.

    Parameters
    ----------
    with_loading : bool
        Whether to load each part again, from the innermost on. Of objects that refer to each other, only the whole can be judged.

    Attributes
    ----------
    problems : list of Problem
        In the order of pickling, each object once.
    of_main : list of Part
        Functions and classes of ``__main__``.
    """

    def __init__(self, *, with_loading: bool) -> None:
        super().__init__(_Null(), 5, buffer_callback=_out_of_band)
        self.problems: list[Problem] = []
        self.of_main: list[Part] = []
        self._with_loading = with_loading
        self._steps: list[Step] = []
        self._depths: dict[int, int] = {}  # of the objects on the way to here
        self._failed: dict[int, object] = {}  # with the objects, so that no new one gets the id of an old one
        self._label: str | None = None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        """Pickle one part with all that is in it. The pickler calls this for each."""
        label, self._label = self._label, None
        self._refer_to(obj)
        if id(obj) in self._failed or len(self.problems) >= N_PROBLEMS:
            return
        n_problems = len(self.problems)
        self._begin(obj, label)
        try:
            super().save(obj, save_persistent_id)
            if self._with_loading and len(self.problems) == n_problems:
                self._load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._fail(Fault(error, in_loading=False))
        finally:
            self._end()

    def save_reduce(self, func: Any, args: tuple[Any, ...], state: State = None, *others: Any, obj: Any = None) -> None:
        """Pickle an object by way of what its ``__reduce__`` returned."""
        step = self._steps[-1]
        if step.obj is obj and isinstance(args, tuple):
            args, state = named_state(obj, func, args, state)
            step.state, step.is_reduced = state, True
        super().save_reduce(func, args, state, *others, obj=obj)

    def _begin(self, obj: Any, label: str | None) -> None:
        depth = len(self._steps)
        self._steps.append(Step(obj, label, depth))
        self._depths.setdefault(id(obj), depth)
        if is_a(obj, FunctionType, type) and obj.__module__ == "__main__" and id(obj) not in self.memo:
            self.of_main.append(Part(path_of(self._steps), obj))

    def _end(self) -> None:
        step = self._steps.pop()
        if self._depths[id(step.obj)] == len(self._steps):
            del self._depths[id(step.obj)]
        if self._steps:
            self._steps[-1].outermost = min(self._steps[-1].outermost, step.outermost)

    def _refer_to(self, obj: object) -> None:
        depth = self._depths.get(id(obj))
        if depth is not None:
            self._steps[-1].outermost = min(self._steps[-1].outermost, depth)

    def _load(self) -> None:
        """Load an object that was pickled, unless it refers to one that is not pickled yet."""
        step = self._steps[-1]
        if step.is_reduced and step.outermost >= len(self._steps) - 1:
            fault = fault_in(step.obj)
            if fault is not None:
                self._fail(fault)

    def _fail(self, fault: Fault) -> None:
        steps = _cut(self._steps) if isinstance(fault.error, RecursionError) else self._steps
        obj = steps[-1].obj
        self.problems.append(Problem(Part(path_of(steps), obj), fault))
        self._failed[id(obj)] = obj
        if is_a(obj, FunctionType) and not fault.in_loading:
            for label, part in parts_of_function(cast("FunctionType", obj)):
                self._label = label
                self.save(part)


def _cut(steps: list[Step]) -> list[Step]:
    """Return the way to the first object that was met inside itself, or to the last one that is not only a part of its owner's state."""
    last = {id(step.obj): i for i, step in enumerate(steps)}
    for i, step in enumerate(steps):
        if last[id(step.obj)] > i:
            return steps[: i + 1]
    return steps[:-1] if is_a(steps[-1].obj, Attributes) else steps
