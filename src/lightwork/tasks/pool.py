"""Pools of one's own."""

from __future__ import annotations

import contextvars
import functools
import operator
from collections.abc import Callable
from concurrent.futures import Executor
from typing import ParamSpec, SupportsIndex, TypeVar

from lightwork._core.pool import Core
from lightwork._core.statistics import PoolStatistics
from lightwork._cpus import cpu_budget
from lightwork.tasks.handle import Handle

__all__ = ["Pool"]

P = ParamSpec("P")
T = TypeVar("T")


def _checked(max_workers: SupportsIndex) -> int:
    if isinstance(max_workers, bool) or not hasattr(max_workers, "__index__"):
        raise TypeError(f"max_workers must be a whole number or None, not {max_workers!r}")
    return operator.index(max_workers)


class Pool(Executor):
    """
    Threads of one's own, for calls that wait: more than the default pool has, or apart from it.

    A ``concurrent.futures.Executor``. Calls from outside begin in the order they came; a call submitted by one of the pool's
    own workers is its next one. Array functions that are called in a worker run on this pool's workers.

    Parameters
    ----------
    max_workers : int, optional
        The most threads to start, from 1 to 1024. Default: ``min(32, cpu_budget() + 4)``, since such calls wait.

    Notes
    -----
    Thread-safe; :meth:`submit` may be called from signal handlers, finalizers, callbacks and tasks. Threads start when
    calls need them and do not keep the interpreter alive, but calls that were submitted are finished before it exits. In a forked
    child the pool begins anew, without the parent's calls.
    """

    def __init__(self, max_workers: SupportsIndex | None = None) -> None:
        self.core: Core = Core(min(32, cpu_budget() + 4) if max_workers is None else _checked(max_workers))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Handle[T]:
        """
        Have ``fn(*args, **kwargs)`` called by a worker, in a copy of the caller's context.

        Returns
        -------
        Handle
            A future of the result.

        Raises
        ------
        RuntimeError
            If the pool was shut down, the interpreter exits, or the system gives not one thread.
        """
        handle: Handle[T] = Handle(functools.partial(fn, *args, **kwargs), contextvars.copy_context(), self.core)
        self.core.spawn(handle)
        return handle

    def statistics(self) -> PoolStatistics:
        """Return what the workers have done, as a frozen snapshot; see :func:`lightwork.statistics`."""
        return self.core.statistics()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """
        Take no more calls; those that were submitted are finished, and then the threads end.

        Parameters
        ----------
        wait : bool, default True
            Return when they have ended. A call that shuts down the pool it runs in does not wait.
        cancel_futures : bool, default False
            Cancel the calls that have not begun.
        """
        self.core.close(wait=False)
        if cancel_futures:
            for handle in self.core.discard():
                handle.cancel()
        if wait:
            self.core.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_workers={self.core.max_workers})"
