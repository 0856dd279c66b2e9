"""Somebody else's executor as the one that runs the items."""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["Foreign", "Outcome", "ThreadsOfOthers", "is_thread_pool", "refusal", "run_items"]


def is_thread_pool(executor: object) -> TypeGuard[ThreadPoolExecutor]:
    """
    Whether something is the standard library's thread pool, without an import of that.

    The import takes as long as a third of this package's, and Python refuses it in a program's exit handlers.
    """
    if isinstance(executor, str | None):  # most are, and every call asks
        return False
    pools = sys.modules.get("concurrent.futures.thread")
    return pools is not None and isinstance(executor, pools.ThreadPoolExecutor)


class ThreadsOfOthers:
    """
    Runs calls on an executor whose workers are threads of this process.

    Parameters
    ----------
    executor : concurrent.futures.ThreadPoolExecutor
        It is not shut down.
    n_workers : int
        How many calls to have in it at a time.

    Attributes
    ----------
    is_here : bool
        Whether the thread that made this is one of them.
    """

    def __init__(self, executor: ThreadPoolExecutor, n_workers: int) -> None:
        self.n_workers = n_workers
        self._executor = executor
        # The executor itself knows a thread only some time after that has begun to work.
        self.is_here: bool = getattr(_here, "executor", None) is executor or threading.current_thread() in executor._threads  # noqa: SLF001

    def spawn(self, call: Callable[..., object]) -> None:
        """Have a call made soon: without arguments, or with what keeps it from being made."""
        self._executor.submit(self._make, call).add_done_callback(functools.partial(_tell_if_lost, call))

    def _make(self, call: Callable[..., object]) -> None:
        _here.executor = self._executor
        try:
            call()
        finally:
            _here.executor = None


_here = threading.local()


def _tell_if_lost(call: Callable[..., object], future: Future[None]) -> None:
    """Tell a call what kept it from being made, if something did."""
    error = refusal() if future.cancelled() else future.exception()
    if error is not None:
        call(error)


def refusal() -> RuntimeError:
    """Return what becomes of calls that an executor has cancelled."""
    return RuntimeError("the executor was shut down in the middle of the run, and what it had not begun is cancelled; shut it down later")


class Outcome(NamedTuple):
    """
    What came of items that ran elsewhere, one after the other until one failed.

    Attributes
    ----------
    values : list
        What they returned.
    seconds : list of float
        How long each took; that of the failed one included.
    error : BaseException or None
        What the next one raised.
    """

    values: list[Any]
    seconds: list[float]
    error: BaseException | None


def run_items(call: Callable[[Any], Any], items: Sequence[Any]) -> Outcome:
    """Call a function for items until one fails; wherever that is."""
    values: list[Any] = []
    seconds: list[float] = []
    for item in items:
        began = time.perf_counter()
        try:
            values.append(call(item))
        except BaseException as error:
            return Outcome(values, [*seconds, time.perf_counter() - began], error)
        seconds.append(time.perf_counter() - began)
    return Outcome(values, seconds, None)


class Foreign:
    """
    Hands items to an executor that may have its workers anywhere, such as processes.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        It is not shut down.
    n_workers : int
        How many chunks to have in it at a time.
    """

    is_here = False

    def __init__(self, executor: Executor, n_workers: int) -> None:
        self.n_workers = n_workers
        self._executor = executor
        self._sent: set[Future[Any]] = set()

    def hand_out(self, call: Callable[[Any], Any], items: Sequence[Any], is_wanted: Callable[[], bool], done: Callable[..., object]) -> None:
        """Have items run elsewhere; `done` is called with what came of them, in any thread."""
        _Errand(self, call, items, is_wanted, done).go()

    def let_go(self) -> None:
        """Cancel what the executor has not begun; that comes back as it went."""
        self.cancel(self._sent.copy())

    def abandon(self) -> None:
        """Cancel what can be cancelled, for nobody waits for any of it."""
        self.cancel(self._sent.copy())

    def cancel(self, futures: Iterable[Future[Any]]) -> None:
        """Cancel some of what was sent, as far as the executor can."""
        for future in futures:
            future.cancel()

    def send(self, call: Callable[[Any], Any], items: Sequence[Any]) -> Future[Any]:
        """Have the executor take items; what it refuses has failed."""
        try:
            future = self._submit(call, items)
        except BaseException as error:
            refused = Future[Any]()
            refused.set_exception(error)
            return refused
        self._sent.add(future)
        future.add_done_callback(self._sent.discard)
        return future

    def outcome_of(self, future: Future[Any]) -> Outcome:
        """Return what came of what was sent, or raise what the executor failed with."""
        outcome: Outcome = future.result()
        return outcome

    def _submit(self, call: Callable[[Any], Any], items: Sequence[Any]) -> Future[Any]:
        return self._executor.submit(run_items, call, items)


class _Errand:
    """
    Items on their way to an executor and back: all together, and if that fails one by one.

    For what the executor itself fails with does not say of which item: that one cannot be pickled, or that a worker died of one.
    """

    def __init__(
        self,
        sender: Foreign,
        call: Callable[[Any], Any],
        items: Sequence[Any],
        is_wanted: Callable[[], bool],
        done: Callable[..., object],
    ) -> None:
        self._sender = sender
        self._call = call
        self._items = items
        self._is_wanted = is_wanted
        self._done = done
        self._n_together = len(items)
        self._values: list[Any] = []
        self._seconds: list[float] = []

    def go(self) -> None:
        """Send items until some are under way or all is told; who comes back at once does not nest."""
        future = self._sent()
        while future.done():
            if self._is_told(future):
                return
            future = self._sent()
        future.add_done_callback(self._come_back)

    def _sent(self) -> Future[Any]:
        n_ended = len(self._values)
        future = self._sender.send(self._call, self._items[n_ended : n_ended + self._n_together])
        if not self._is_wanted():  # any more: who let go of what was sent may have missed this
            self._sender.cancel([future])
        return future

    def _come_back(self, future: Future[Any]) -> None:
        if not self._is_told(future):
            self.go()

    def _is_told(self, future: Future[Any]) -> bool:
        """Note what came back; tell it if no more items are to be sent."""
        outcome = self._outcome_of(future)
        if outcome is None:
            return False
        self._values += outcome.values
        self._seconds += outcome.seconds
        if outcome.error is None and len(self._values) < len(self._items) and self._is_wanted():
            return False
        self._done(self._values, self._seconds, outcome.error)
        return True

    def _outcome_of(self, future: Future[Any]) -> Outcome | None:
        """Return what came of what was sent last; None if that is to be found out item by item."""
        if future.cancelled():
            return Outcome([], [0.0], refusal()) if self._is_wanted() else Outcome([], [], None)
        try:
            return self._sender.outcome_of(future)
        except BaseException as error:
            if self._n_together > 1 and self._is_wanted():
                self._n_together = 1
                return None
            return Outcome([], [0.0], error)
