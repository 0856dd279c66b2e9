"""What a submitted call will come to."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from lightwork._core.pool import Core, run_apart

__all__ = ["Handle"]

T = TypeVar("T")


class Handle(Future[T]):
    """
    A ``concurrent.futures.Future`` whose waiter lends a hand.

    A worker of its pool that asks for the result of a call that nobody has begun runs it itself, so tasks may wait for tasks of
    their own pool, on a single worker too. It runs nothing else meanwhile: a lock that it holds is met by the call it waits for or by none.

    Notes
    -----
    Made by :meth:`Pool.submit`. Thread-safe. Once it is done it refers to its result or exception, and neither to the
    function nor to its arguments.
    """

    def __init__(self, call: Callable[[], T], context: contextvars.Context, core: Core) -> None:
        super().__init__()
        self._unclaimed = [(call, context, core)]

    def __call__(self, failure: BaseException | None = None) -> None:
        """Run the call, or fail with what keeps it from being run, unless somebody has begun it or it was cancelled."""
        try:
            call, context, _ = self._unclaimed.pop()  # atomic: exactly one thread gets it
        except IndexError:
            return
        try:
            if not self.set_running_or_notify_cancel():
                return
            if failure is not None:
                self.set_exception(failure)
                return
            try:
                result = context.run(call)
            except BaseException as error:  # a SystemExit too is the outcome of the call, not of the worker
                self.set_exception(error)
            else:
                self.set_result(result)
        finally:
            del self, call, context, failure  # else a traceback would keep the call, and the handle itself

    def cancel(self) -> bool:
        """Cancel the call if nobody has begun it, and let go of it; return whether it is cancelled."""
        if not super().cancel():
            return False
        if self._unclaimed:
            self()
        return True

    def result(self, timeout: float | None = None) -> T:
        """
        Wait for the call and return what it returned, or raise what it raised.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait before ``TimeoutError``. A worker that runs the call itself does not look at it.
        """
        self._lend_a_hand()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the call and return what it raised, or None; `timeout` as in :meth:`result`."""
        self._lend_a_hand()
        return super().exception(timeout)

    def _lend_a_hand(self) -> None:
        try:
            core = self._unclaimed[0][2]
        except IndexError:  # somebody has begun it
            return
        if core.is_here():
            run_apart(self)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a handle belongs to its process and cannot be pickled; send its result instead")
