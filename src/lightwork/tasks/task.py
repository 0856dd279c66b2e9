"""Calls of different functions, run together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, Unpack, overload

from lightwork.tasks.map import map_items_of
from lightwork.tasks.options import MapOptions, Options, StreamOptions
from lightwork.tasks.results import ItemResult, ParallelResult
from lightwork.tasks.stream import stream_of

__all__ = ["Task", "iter_tasks", "run_tasks"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """
    A call that is to be made.

    Attributes
    ----------
    fn : callable
        The function.
    args : tuple
        Its positional arguments.
    kwargs : mapping
        Its keyword arguments. A mapping in the place of `args` is taken for these.

    Examples
    --------
    >>> import lightwork as lw
    >>> task = lw.Task(int, ("ff",), {"base": 16})
    >>> task()
    255
    >>> lw.Task(int, {"base": 16}, ()) == lw.Task(int, (), {"base": 16})
    True
    """

    fn: Callable[..., T]
    args: tuple[Any, ...] | Mapping[str, Any] = ()
    kwargs: Mapping[str, Any] | tuple[()] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Check what can be checked before the call."""
        if not callable(self.fn):
            raise TypeError(f"fn must be a function, not {self.fn!r}")
        if isinstance(self.args, Mapping):
            if self.kwargs:
                raise TypeError("args must be a tuple where kwargs are given")
            object.__setattr__(self, "kwargs", self.args)
            object.__setattr__(self, "args", ())
        if not isinstance(self.args, (tuple, list)) or not isinstance(self.kwargs, Mapping):
            raise TypeError(f"args must be a tuple and kwargs a mapping, not {self.args!r} and {self.kwargs!r}; for one argument, pass (x,)")

    def __call__(self, **more: Any) -> T:
        """Make the call, with more keyword arguments perhaps."""
        return self.fn(*self.args, **{**dict(self.kwargs), **more})


Call = Task[T] | Callable[[], T]


def _make(call: Callable[..., T], **seed: Any) -> T:
    return call(**seed)


@overload
def run_tasks(
    tasks: Iterable[Call[T]], *, errors: Literal["collect", "raise"] = ..., return_exceptions: Literal[False] = ..., **options: Unpack[MapOptions]
) -> ParallelResult[T]: ...
@overload
def run_tasks(
    tasks: Iterable[Call[T]], *, errors: Literal["return"], return_exceptions: bool = ..., **options: Unpack[MapOptions]
) -> list[T | BaseException]: ...
@overload
def run_tasks(
    tasks: Iterable[Call[T]], *, return_exceptions: Literal[True], errors: Literal["collect", "return"] = ..., **options: Unpack[MapOptions]
) -> list[T | BaseException]: ...
def run_tasks(tasks: Iterable[Call[Any]], **options: Any) -> Any:
    """
    Make calls of different functions, many at a time, and return all that came of them.

    Parameters
    ----------
    tasks : iterable of Task
        Or of functions of nothing.
    **options
        As of :func:`parallel_map`. With ``ordered=False`` results are in the order in which they were done.

    Returns
    -------
    ParallelResult
        As :func:`parallel_map`; with ``return_exceptions=True`` a list that has exceptions in the places of values.

    Examples
    --------
    >>> import lightwork as lw
    >>> list(lw.run_tasks([lw.Task(pow, (2, 5)), lw.Task(len, ("four",))]))
    [32, 4]
    """
    return map_items_of(_make, tasks, Options.of("run_tasks", options))


def iter_tasks(tasks: Iterable[Call[T]], **options: Unpack[StreamOptions]) -> Iterator[ItemResult[T]]:
    """
    Make calls of different functions, many at a time, and yield what came of each; options as of :func:`parallel_iter`.

    Examples
    --------
    >>> import lightwork as lw
    >>> for index, value in lw.iter_tasks([lw.Task(pow, (2, 5)), lw.Task(len, ("four",))], ordered=True):
    ...     print(index, value)
    0 32
    1 4
    """
    return stream_of(_make, tasks, Options.of("iter_tasks", options, ordered=False))
