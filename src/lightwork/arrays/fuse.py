"""``fuse``: a function of arrays, in one pass over them and on every core."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any

from lightwork.arrays import functions as functions
from lightwork.arrays.traced import call_traced

__all__ = ["Fused", "fuse"]


def fuse(fn: Callable[..., Any]) -> Fused:
    """Make."""
    if not callable(fn):
        raise TypeError(f"fuse() needs a function of arrays, not {type(fn).__name__}")
    return Fused(fn)


class Fused:
    """F."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        functools.update_wrapper(self, fn)
        self._fn = fn
        self._known: set[Any] = set()

    def __call__(self, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        """C."""
        return call_traced(self._fn, self._known, args, kwargs, out)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        """By name where the name is this, as of a decorated function; else by the function."""
        found: Any = sys.modules.get(getattr(self, "__module__", ""))
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        return self.__qualname__ if found is self else (fuse, (self._fn,))

    def __repr__(self) -> str:
        return f"<fused {self._fn!r}>"
