"""The way from an object to a part of its pickle, in the words of Python."""

from __future__ import annotations

import functools
import itertools
import operator
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

import numpy as np

from lightwork.tasks.notes import brief

__all__ = ["ROOT", "Attributes", "State", "Step", "is_a", "named_state", "parts_of_function", "path_of", "type_name"]

State = dict[str, Any] | tuple[Any, ...] | list[Any] | None  # or anything else, which is left as it is

SEQUENCES: tuple[type[Any], ...] = (list, tuple, deque)  # whose items can be looked at in order, at their own positions
ROOT = "obj"
N_CHARACTERS = 200  # of a path; a longer one is shown by its ends


class Step:
    """
    One object on the way from the root to a part.

    Attributes
    ----------
    obj : object
    label : str or None
        What this step is called, if its parent does not tell.
    state : object
        What is pickled as the object's state; None as long as it has none.
    outermost : int
        Depth of the outermost object that it or something in it refers to.
    """

    __slots__ = ("is_reduced", "label", "obj", "outermost", "state")

    def __init__(self, obj: object, label: str | None, depth: int) -> None:
        self.obj: object = obj
        self.label: str | None = label
        self.state: object = None
        self.is_reduced: bool = False
        self.outermost: int = depth


def path_of(steps: Sequence[Step]) -> str:
    """Return the way from the first step to the last as an expression, as far as Python has one for it."""
    path = ROOT + "".join(itertools.starmap(_way, itertools.pairwise([None, *steps])))
    return path if len(path) <= N_CHARACTERS else f"{path[: N_CHARACTERS // 2]} ... {path[-N_CHARACTERS // 2 :]}"


def _way(parent: Step | None, child: Step) -> str:
    if parent is None:
        return ""
    if child.label is not None:
        return child.label
    if child.obj is parent.state:
        return "" if is_a(child.obj, Attributes) else "<state>"
    return _way_into_container(parent.obj, child.obj) or _way_into_instance(child.obj)


class Attributes(dict[str, Any]):
    """The state of an object, by the names of its attributes."""


def is_a(obj: object, *kinds: type) -> bool:
    """Whether an object is of some type; ``isinstance`` would ask the object for its ``__class__``, which may be a property."""
    return issubclass(type(obj), kinds)


def _way_into_container(container: Any, part: object) -> str | None:
    """Return the key or the index of a part; None if it is not in there. Runs no code of a subclass."""
    if is_a(container, dict):
        return _way_into_dict(container, part)
    if is_a(container, set, frozenset):
        return "<element>"
    return next((f"[{i}]" for i, item in enumerate(_items(container)) if item is part), None)


def _items(container: Any) -> Iterator[object]:
    for kind in SEQUENCES:
        if is_a(container, kind):
            yield from kind.__iter__(container)


def _way_into_dict(container: dict[Any, Any], part: object) -> str | None:
    for key, value in dict[Any, Any].items(container):
        if value is part:
            return f".{key}" if is_a(container, Attributes) else f"[{_key(key)}]"
        if key is part:
            return f"<key {_key(key)}>"
    return None


def _key(key: object) -> str:
    """Return a key's repr where that is Python's own, and its type elsewhere."""
    return brief(key) if type(key) in (str, int, float, bool, bytes, type(None)) else type_name(key)


def _way_into_instance(part: object) -> str:
    if is_a(part, type):
        return "<class>"
    return "<arguments>" if is_a(part, tuple) else "<constructor>"


def type_name(obj: object) -> str:
    """Return the name of an object's type, with its module unless it is a built-in one."""
    kind = type(obj)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


# --- Objects whose pickles have no names for their parts -------------------------------------------------------------


def named_state(obj: object, func: object, args: tuple[Any, ...], state: State) -> tuple[tuple[Any, ...], State]:
    """
    Return the arguments and the state of a reduced object, with all that can be named as attributes in the state.

    Parameters
    ----------
    obj : object
        What is pickled.
    func, args, state : object
        What its ``__reduce__`` returned: what makes it anew, out of what, and what is set then.
    """
    if func is getattr:  # a method of an object
        return (), Attributes(__self__=args[0])
    if is_a(obj, functools.partial) and isinstance(state, tuple):
        return (), Attributes(zip(("func", "args", "keywords", "__dict__"), state, strict=True))
    if is_a(obj, np.ndarray) and _is_of_objects(obj):
        return (), Attributes(flat=np.ravel(cast("Any", obj)).tolist())
    if is_a(obj, BaseException) and _are_same(args, _args_of(obj)):
        return (), Attributes(args=args, **_attributes(obj, state))
    names: tuple[str, ...] = getattr(type(obj), "_fields", ())
    if is_a(obj, tuple) and len(args) == 1 + len(names):  # a named one
        return args[:1], Attributes(zip(names, args[1:], strict=True))
    return args, _attributes(obj, state) or state


def _is_of_objects(array: Any) -> bool:
    return bool(array.dtype == object)


def _args_of(error: Any) -> tuple[Any, ...]:
    args: tuple[Any, ...] = vars(BaseException)["args"].__get__(error)  # a subclass may have made something else of the name
    return args


def _are_same(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _attributes(obj: object, state: State) -> Attributes:
    """Return a state as attributes; none if it has another form."""
    if isinstance(state, dict):
        return Attributes(state)
    if isinstance(state, tuple) and len(state) == len(("__dict__", "__slots__")) and isinstance(state[1], dict):
        return Attributes(**(state[0] or {}), **state[1])
    if isinstance(state, list) and is_dataclass(obj) and len(state) == len(fields(obj)):  # frozen, with slots
        return Attributes(zip((field.name for field in fields(obj)), state, strict=True))
    return Attributes()


# --- Functions, whose parts pickling does not look at ------------------------------------------------------------------


def parts_of_function(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield what a function refers to that would have to travel with it: each with its label; modules are found by name."""
    for label, part in itertools.chain(_closure(function), _defaults(function), _globals(function)):
        if not is_a(part, ModuleType):
            yield label, part


def _closure(function: FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"<closure variable {name}>", cell.cell_contents
        except ValueError:  # not assigned yet
            continue


def _defaults(function: FunctionType) -> Iterator[tuple[str, object]]:
    for i, value in enumerate(function.__defaults__ or ()):
        yield f".__defaults__[{i}]", value
    for name, value in (function.__kwdefaults__ or {}).items():
        yield f".__kwdefaults__[{name!r}]", value


def _globals(function: FunctionType) -> Iterator[tuple[str, object]]:
    for name in dict.fromkeys(_names(function.__code__)):
        if name in function.__globals__:
            yield f"<global {name}>", function.__globals__[name]


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that a function and those inside it look up; attributes are among them."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
