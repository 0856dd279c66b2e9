"""Pools of one's own."""

from __future__ import annotations

import itertools
import operator
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, ParamSpec, SupportsIndex, TypeVar

from lightwork._clock import SYSTEM
from lightwork._config import settings
from lightwork._core.pool import Core
from lightwork._core.statistics import PoolStatistics
from lightwork._core.threads import start_with_stack
from lightwork._cpus import cpu_budget
from lightwork.tasks.handle import Handle, cancel_all
from lightwork.tasks.health import Health, health_of
from lightwork.tasks.initializer import Initializer
from lightwork.tasks.pool_map import Refill, results
from lightwork.tasks.promise import hand_in
from lightwork.tasks.thread_pool import ThreadPoolExecutor

__all__ = ["Pool"]

P = ParamSpec("P")
T = TypeVar("T")

IDLE_SECONDS = 60.0  # after which a thread without work ends

count_pools: Callable[[], int] = itertools.count(1).__next__


def _whole(name: str, number: SupportsIndex) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(f"{name} must be a whole number or None, not {number!r}")
    return operator.index(number)


def _stack_size(asked: SupportsIndex | None) -> int:
    """Check a size where it can be checked, by a thread that does nothing."""
    size = 0 if asked is None else _whole("stack_size", asked)
    if size:
        probe = threading.Thread(target=int, name="lightwork-stack")
        start_with_stack(probe, size)
        probe.join()
    return size


class Pool(ThreadPoolExecutor):
    """
    Threads of one's own, for calls that wait: more than the default pool has, or apart from it.

    A ``concurrent.futures.ThreadPoolExecutor`` to whoever asks for one. Calls from outside begin in the order they came; a call submitted by
    one of the pool's own workers is its next one, unless others have waited for long. Array functions that are called in a worker run on this
    pool's workers.

    Parameters
    ----------
    max_workers : int, optional
        The most calls at a time, from 1 to 1024. Default: ``min(32, cpu_budget() + 4)``, since such calls wait. A call that waits for a handle
        does not count meanwhile.
    thread_name_prefix : str, optional
        What the names of the threads begin with.
    initializer : callable, optional
        Called by each thread first of all. If it raises, the pool is broken: all calls that wait fail with ``BrokenThreadPool``, and
        so do later submits.
    initargs : tuple, optional
        The initializer's arguments.
    stack_size : int, optional
        Of the threads, in bytes. Default: the system's, as ``threading.stack_size`` says.

    Notes
    -----
    Thread-safe; :meth:`submit` may be called from signal handlers, finalizers, callbacks and tasks. Threads start when
    calls need them, in an empty context, and end after a minute without work. They do not keep the interpreter alive, but calls that were
    submitted are finished before it exits. In a forked child the pool begins anew, without the parent's calls.
    """

    def __init__(
        self,
        max_workers: SupportsIndex | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        stack_size: SupportsIndex | None = None,
    ) -> None:
        # The names with an underscore are the standard library's, which others look at.
        self._max_workers = min(32, cpu_budget() + 4) if max_workers is None else _whole("max_workers", max_workers)
        prefix = self._thread_name_prefix = thread_name_prefix or f"lightwork-{type(self).__name__}-{count_pools()}"
        self._prepare = None if initializer is None else Initializer(initializer, initargs)
        self._shutdown = False
        self.core: Core = Core(
            self._max_workers,
            lambda index: f"{prefix}_{index - 1}",
            self._prepare,
            _stack_size(stack_size),
            IDLE_SECONDS,
        )

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Handle[T]:
        """
        Have ``fn(*args, **kwargs)`` called by a worker, in a copy of the caller's context.

        Returns
        -------
        Handle
            A future of the result, which can also be awaited.

        Raises
        ------
        RuntimeError
            If the pool was shut down, the interpreter exits, or the system gives not one thread.
        concurrent.futures.thread.BrokenThreadPool
            If the initializer failed.
        """
        if self._prepare is not None and self._prepare.has_failed:
            raise self._prepare.failure()
        handle: Handle[T] = hand_in(Handle, self.core, settings().metrics, fn, args, kwargs)
        return handle

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,  # noqa: ARG002 - the standard library's signature
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """
        Call `fn` with an item of each iterable, by :meth:`submit`, and yield the results in their order.

        Parameters
        ----------
        fn : callable
        *iterables : iterable
        timeout : float, optional
            Seconds from now on, after which ``TimeoutError`` is raised for a result that is not there.
        chunksize : int, default 1
            Ignored, as by ``ThreadPoolExecutor``.
        buffersize : int, optional
            How many calls to submit before the first result is taken, and then one more for each that is. Default: all, at once.
        """
        if buffersize is not None and _whole("buffersize", buffersize) < 1:
            raise ValueError(f"buffersize must be None or at least 1, not {buffersize}")
        end = None if timeout is None else SYSTEM.now() + timeout
        arguments = zip(*iterables, strict=False)
        futures: deque[Future[T]] = deque(self.submit(fn, *each) for each in itertools.islice(arguments, buffersize))
        return results(futures, end, None if buffersize is None else Refill(self, fn, arguments))

    def statistics(self) -> PoolStatistics:
        """Return what the pool and its workers have done, as a frozen snapshot; see :func:`lightwork.statistics`."""
        return self.core.statistics()

    def health(self) -> Health:
        """
        Return how the pool is, for a service's health check.

        Returns
        -------
        Health
            True if calls that are submitted are made; with a status, its reason, and what runs and waits.

        Examples
        --------
        >>> import lightwork as lw
        >>> with lw.Pool(2) as pool:
        ...     pool.health().status
        'ok'
        >>> pool.health().status, bool(pool.health())
        ('shut down', False)
        """
        return health_of(self, is_shut_down=self._shutdown, failure=self._prepare.failure() if self._prepare is not None and self._broken else None)

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
        self._shutdown = True
        self.core.close(wait=False)
        if cancel_futures:
            cancel_all(self.core.discard())
        if wait:
            self.core.close()

    @property
    def _threads(self) -> set[threading.Thread]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        return set(self.core.threads())

    @property
    def _broken(self) -> bool:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._prepare is not None and self._prepare.has_failed

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_workers={self._max_workers})"
