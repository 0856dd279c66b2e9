"""Pools of worker processes of one's own."""

from __future__ import annotations

import itertools
import os
import signal
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ParamSpec, SupportsIndex, TypeVar

from lightwork._clock import SYSTEM
from lightwork._cpus import cpu_budget
from lightwork.executors.process.backend import BEFORE_EXIT
from lightwork.executors.process.company import kit_for
from lightwork.executors.process.workshop import WORKSHOP
from lightwork.policies.checks import check_callable, checked_count, checked_int
from lightwork.tasks.order import Order
from lightwork.tasks.pool_map import Refill, results
from lightwork.tasks.staff import Staff

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from lightwork.executors.process.worker import Kit

__all__ = ["ProcessPool"]

P = ParamSpec("P")
T = TypeVar("T")

MOST_WORKERS = 1024

count_pools: Callable[[], int] = itertools.count(1).__next__


class ProcessPool(Executor):
    """
    Worker processes of one's own, of which a death costs one future and never the pool.

    A ``concurrent.futures.Executor`` with the arguments of ``ProcessPoolExecutor``, and the `executor` of any call over items.

    Parameters
    ----------
    max_workers : int, optional
        How many processes there may be, up to 1024. Default: :func:`cpu_budget`.
    mp_context : multiprocessing context, optional
        How they are started: "spawn" or "forkserver", by the standard library. Default: by loky, where that is installed, else "spawn". A forked
        copy of a process that has threads may hang, so "fork" is refused.
    initializer : callable, optional
        Called by each process first of all. If it raises, the pool is broken: all calls that wait fail with ``BrokenProcessPool``, and
        so do later submits.
    initargs : tuple, optional
        The initializer's arguments.
    max_tasks_per_child : int, optional
        After how many calls, or items, a process is replaced. Items come in chunks; one is finished first.
    max_bytes_per_child : int, optional
        With how much memory a process is replaced after a call or chunk.

    Notes
    -----
    Thread-safe. Processes start when calls need them, and end after a minute without work. Calls that were submitted are finished before the
    interpreter exits. Function, arguments and results are pickled, but for large arrays of the former, which are put into shared memory. Context
    variables do not travel. A call's process that dies, whatever of, leaves :class:`WorkerLost`. A forked child makes a pool of its own.

    Examples
    --------
    >>> import lightwork as lw
    >>> with lw.ProcessPool(2) as pool:
    ...     pool.submit(pow, 2, 10).result()
    1024
    """

    def __init__(
        self,
        max_workers: SupportsIndex | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: SupportsIndex | None = None,
        max_bytes_per_child: SupportsIndex | None = None,
    ) -> None:
        # The names with an underscore are the standard library's, which others look at.
        self._max_workers = _n_workers(max_workers)
        if initializer is not None:
            check_callable("initializer", initializer, "initargs")
        self.kit: Kit = kit_for(
            self._max_workers,
            None if initializer is None else (initializer, initargs),
            _method(mp_context),
            count_pools(),
            _most("max_tasks_per_child", max_tasks_per_child),
            _most("max_bytes_per_child", max_bytes_per_child),
        )
        self._staff = Staff(self._max_workers, self.kit)
        _pools.add(self)
        weakref.finalize(self, self._staff.close).atexit = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Order[T]:
        """
        Have ``fn(*args, **kwargs)`` called in a worker process.

        Returns
        -------
        Order
            A future of the result, which can also be awaited. It fails with a TypeError that says why where the call cannot be pickled.

        Raises
        ------
        RuntimeError
            If the pool was shut down, or the interpreter exits.
        concurrent.futures.process.BrokenProcessPool
            If the initializer failed.
        """
        if self._staff.failure is not None:
            raise self._staff.failure
        if self._staff.is_closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        order = Order[T](fn, args, kwargs)
        self._staff.add(order)
        return order

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
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
            How many items make one call, which fails as one. :func:`parallel_map` finds the number out, and its items fail alone.
        buffersize : int, optional
            How many calls to submit before the first result is taken, and then one more for each that is. Default: all, at once.
        """
        checked_count("chunksize", chunksize, "1 makes a call of each item")
        if buffersize is not None:
            checked_count("buffersize", buffersize, "None submits all at once")
        end = None if timeout is None else SYSTEM.now() + timeout
        chunks = ((fn, chunk) for chunk in _chunks(zip(*iterables, strict=False), chunksize))
        futures: deque[Future[list[T]]] = deque(self.submit(_call_each, *each) for each in itertools.islice(chunks, buffersize))
        return _members(results(futures, end, None if buffersize is None else Refill(self, _call_each, chunks)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """
        Take no more calls; those that were submitted are finished, and then the processes end.

        Parameters
        ----------
        wait : bool, default True
            Return when they have ended.
        cancel_futures : bool, default False
            Cancel the calls that have not begun.
        """
        self._staff.close()
        if cancel_futures:
            self._staff.cancel_pending()
        if wait:
            self._staff.has_ended.wait()
            for worker in WORKSHOP.living(self.kit):
                worker.join()

    def terminate_workers(self) -> None:
        """End the processes at once by SIGTERM, and take no more calls: those that were submitted are lost or cancelled."""
        self._end(signal.SIGTERM)

    def kill_workers(self) -> None:
        """End the processes at once by SIGKILL, and take no more calls: those that were submitted are lost or cancelled."""
        self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> None:
        self.shutdown(wait=False, cancel_futures=True)
        self._staff.end(by)

    @property
    def _processes(self) -> dict[int, Any]:
        workers = WORKSHOP.living(self.kit)
        return {worker.process.pid: worker.process for worker in workers if worker.process is not None and worker.process.pid is not None}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_workers={self._max_workers})"


def _n_workers(max_workers: SupportsIndex | None) -> int:
    n_workers = cpu_budget() if max_workers is None else checked_int("max_workers", max_workers, "None takes as many as there are CPUs")
    if not 0 < n_workers <= MOST_WORKERS:
        raise ValueError(f"max_workers must be greater than 0 and at most {MOST_WORKERS}, not {n_workers}")
    return n_workers


def _method(context: BaseContext | None) -> str | None:
    method = None if context is None else context.get_start_method()
    if method == "fork":
        raise ValueError("mp_context must not be 'fork', which copies locks that threads hold; take 'spawn' or 'forkserver', or None")
    return method


def _most(name: str, number: SupportsIndex | None) -> int | None:
    return None if number is None else checked_count(name, number, "None is no limit")


def _chunks(arguments: Iterator[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    while chunk := list(itertools.islice(arguments, size)):
        yield chunk


def _call_each(fn: Callable[..., Any], chunk: list[tuple[Any, ...]]) -> list[Any]:
    return [fn(*arguments) for arguments in chunk]


def _members(lists: Iterator[list[T]]) -> Iterator[T]:
    """Yield the members of lists, and keep no reference to them."""
    for members in lists:
        members.reverse()
        while members:
            yield members.pop()


# --- Exit -------------------------------------------------------------------------------------------------------------

_pools: weakref.WeakSet[ProcessPool] = weakref.WeakSet()
os.register_at_fork(after_in_child=_pools.clear)  # what was submitted before is the parent's to finish


def _finish_all() -> None:
    for pool in list(_pools):
        pool.shutdown()


BEFORE_EXIT.append(_finish_all)
