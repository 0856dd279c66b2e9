"""Subinterpreters of this process as what runs the items."""

from __future__ import annotations

import concurrent.futures
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from lightwork.executors.futures import Foreign, Outcome

__all__ = ["Interpreters"]


class Interpreters(Foreign):
    """
    Hands items one by one to subinterpreters, which are made for the run and end with it.

    The function goes there as it is, with nothing of this package around it: that cannot be imported there, for NumPy cannot.

    Parameters
    ----------
    n_workers : int
        How many there may be.
    """

    def __init__(self, n_workers: int) -> None:
        super().__init__(_pool_class()(n_workers), n_workers)

    def check(self, calls: Iterable[Callable[..., Any]]) -> None:
        """Refuse functions that need this package where they are called."""
        for call in calls:
            function = call.func if isinstance(call, functools.partial) else call
            if type(function).__module__.startswith("lightwork.") or getattr(function, "__module__", "").startswith("lightwork."):
                self._executor.shutdown(wait=False)
                raise ValueError(
                    "executor='interpreter' calls plain functions with plain items: there is no starmap, rng=, metrics=, retry_result or "
                    "decorated function in a subinterpreter, where lightwork cannot be imported; use executor='process'"
                )

    def abandon(self) -> None:
        """Cancel what has not begun, and let the interpreters end."""
        super().abandon()
        self._executor.shutdown(wait=False)

    def _submit(self, call: Callable[[Any], Any], items: Sequence[Any]) -> Future[Outcome]:
        (item,) = items
        return _Passed(self._executor.submit(call, item))


class _Passed(Future[Outcome]):
    """What a call comes to, as an outcome; cancelled if that is."""

    def __init__(self, returned: Future[Any]) -> None:
        super().__init__()
        self._returned = returned
        self._began = time.perf_counter()
        returned.add_done_callback(self._tell)

    def cancel(self) -> bool:
        return self._returned.cancel()

    def _tell(self, returned: Future[Any]) -> None:
        if returned.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
            return
        seconds, error = [time.perf_counter() - self._began], returned.exception()
        self.set_result(Outcome([returned.result()], seconds, None) if error is None else Outcome([], seconds, error))


def _pool_class() -> Callable[[int], Executor]:
    """Return the standard library's pool of interpreters, if it has one."""
    pool: Callable[[int], Executor] | None = getattr(concurrent.futures, "InterpreterPoolExecutor", None)
    if pool is None:
        raise RuntimeError("executor='interpreter' needs Python 3.14, with subinterpreters; use executor='process' here")
    return pool
