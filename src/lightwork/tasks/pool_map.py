"""What a pool's ``map`` returns: results in the order of the items, as they are asked for."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from lightwork._clock import SYSTEM

__all__ = ["Refill", "results"]

T = TypeVar("T")


class Refill:
    """
    Submits one more call for each result that was taken, as long as the executor is there.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Not kept alive.
    fn : callable
    arguments : iterator of tuple
        Those of the calls that are yet to be submitted.
    """

    def __init__(self, executor: Executor, fn: Callable[..., Any], arguments: Iterator[tuple[Any, ...]]) -> None:
        self._executor = weakref.ref(executor)
        self._fn = fn
        self._arguments = arguments

    def __call__(self, futures: deque[Future[Any]]) -> None:
        """Append the next call's future, if there is one more."""
        executor = self._executor()
        arguments = None if executor is None else next(self._arguments, None)
        if executor is not None and arguments is not None:
            futures.append(executor.submit(self._fn, *arguments))


def results(futures: deque[Future[T]], end: float | None, refill: Refill | None) -> Iterator[T]:
    """Yield results until `end`, a time, and keep no reference to them; cancel what is left when there will be no more."""
    try:
        while futures:
            if refill is not None:
                refill(futures)
            yield _result_or_cancel(futures.popleft(), end)
    finally:
        for future in futures:
            future.cancel()


def _result_or_cancel(future: Future[T], end: float | None) -> T:
    try:
        return future.result(None if end is None else end - SYSTEM.now())
    finally:
        future.cancel()
        del future  # else a traceback would keep it, and it the traceback
