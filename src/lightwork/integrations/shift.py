"""One call of joblib's ``Parallel``: its batches, and the threads that take them."""

from __future__ import annotations

import contextvars
import math
from collections import deque

from lightwork._clock import Waker
from lightwork._core.inner import inner_threads
from lightwork.executors.stealing import Threads
from lightwork.integrations.batch import Batch, Outcome
from lightwork.integrations.pace import Pace
from lightwork.policies import StopToken
from lightwork.tasks.inside import Item, running

__all__ = ["Shift"]


class Shift:
    """
    Runs batches on some threads, until there are none left or it is stopped.

    Parameters
    ----------
    threads : Threads
        Who run them: at most so many at a time as its number of workers.
    joins : bool
        Whether the caller's thread is one of those. A caller who is himself a worker has to join, for there may be no other.
    waits : bool
        Whether the caller who has joined stays to the end.

    Notes
    -----
    Reentrant and without locks: joblib calls from its callbacks and finalizers. A thread takes a pass before it looks for batches and gives it back
    when it finds none; who adds a batch first adds it and then takes a pass. So either the new pass or the next look finds it. And whoever
    reports a batch goes on with those that this adds, so they never depend on a thread that has yet to come.
    """

    def __init__(self, threads: Threads, *, joins: bool, waits: bool) -> None:
        self._threads = threads
        self._joins = joins
        self._waits = waits
        self._pace = Pace()
        self._token = StopToken()
        self._context = contextvars.copy_context()
        self._context.run(running.set, Item(cancelled=self._token))
        self._batches: deque[Batch] = deque()
        self._unfinished: set[Batch] = set()
        self._passes = deque([None] * (threads.n_workers - joins))
        self._waker = Waker()
        self._failure: BaseException | None = None

    @property
    def batch_size(self) -> int:
        """How many calls the next batch should have."""
        return self._pace.batch_size

    def add(self, batch: Batch) -> None:
        """Have a batch run."""
        self._unfinished.add(batch)
        self._batches.append(batch)
        if self._take_pass():
            self._call_a_thread()

    def join(self) -> None:
        """Work along, if this is for the caller, and wait for the others; after an error at once, which is joblib's to raise."""
        if not self._joins:
            return
        self._work()
        while self._waits and self._unfinished and not self._token.is_stopped:
            self._waker.sleep(math.inf)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Begin no more batches."""
        self._token.stop("joblib has ended the call")
        self._batches.clear()
        self._waker.wake()

    # --- Threads ----------------------------------------------------------------------------------------------------

    def _take_pass(self) -> bool:
        try:
            self._passes.pop()  # atomic: each pass is one thread's
        except IndexError:
            return False
        return True

    def _call_a_thread(self) -> None:
        try:
            self._threads.spawn(self._come)
        except (RuntimeError, MemoryError):  # the system gives no more
            self._passes.append(None)
            if self._is_deserted:
                raise

    @property
    def _is_deserted(self) -> bool:
        """Whether nobody would take a batch."""
        return not self._joins and len(self._passes) == self._threads.n_workers

    def _come(self, failure: BaseException | None = None) -> None:
        """Do what a thread does that was called, beside the others."""
        if failure is not None:
            self._miss(failure)
            return
        with inner_threads.beside(self._threads.n_workers):
            self._stay()

    def _miss(self, failure: BaseException) -> None:
        """Go on without a thread that was called and failed to come; where there is no other, joblib is told why."""
        self._passes.append(None)
        if self._is_deserted and self._batches:
            self._batches.popleft().report(Outcome(None, failure, 0.0))
            self.stop()

    def _stay(self) -> None:
        """Run batches as long as there are any, and a pass for them."""
        has_pass = True
        while has_pass:
            try:
                self._work()
            except BaseException as error:
                self._fail(error)
            self._passes.append(None)
            has_pass = bool(self._batches) and self._take_pass()

    def _work(self) -> None:
        """Run batches while there are any."""
        while not self._token.is_stopped:
            try:
                batch = self._batches.popleft()
            except IndexError:
                return
            self._run(batch)

    def _run(self, batch: Batch) -> None:
        outcome = batch.run(self._context)
        self._pace.note(len(batch.call), outcome.seconds)
        if not self._token.is_stopped:
            batch.report(outcome)  # adds more
        self._unfinished.discard(batch)
        if outcome.error is not None or batch.is_unwanted:
            self.stop()
        elif not self._unfinished:
            self._waker.wake()

    def _fail(self, error: BaseException) -> None:
        """Give up because of an error that is no call's: the source raised what is no ``Exception``, or a message could not be written."""
        self._failure = error
        self.stop()
        if not self._waits:  # nobody is there to raise it
            raise error
