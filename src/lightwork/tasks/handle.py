"""What a submitted call will come to."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from concurrent.futures._base import LOGGER
from typing import Any, TypeVar

from lightwork.tasks.loops import wait_in_loop
from lightwork.tasks.promise import Promise

__all__ = ["Handle"]

T = TypeVar("T")


class Handle(Promise[T], Future[T]):
    """
    A ``concurrent.futures.Future`` that can also be awaited, and whose waiter lends a hand.

    A worker of its pool that waits for a call that nobody has begun makes it itself, so tasks may wait for tasks of
    their own pool, on a single worker too. It runs nothing else meanwhile: a lock that it holds is met by the call it waits for or by none.

    Attributes
    ----------
    task_id : int
        Its number in this process, from 1 on.
    elapsed : float
        Seconds since the call began, or which it took; 0.0 if nobody has begun it.
    waited : float
        Seconds for which nobody has begun it since it was submitted, or had by then.

    Notes
    -----
    Made by :meth:`Pool.submit` and :func:`submit`. Thread-safe. Once it is done it refers to its result or exception, and neither to the
    function nor to its arguments. ``await handle`` works in asyncio and in trio; cancelling the one who awaits cancels a call that nobody has begun.
    """

    @property
    def name(self) -> str:
        """What the call is called: by default as its function, and otherwise as somebody said by setting this."""
        given = self.__dict__.get("_name", self._given_name)
        return given if isinstance(given, str) else f"call {self.task_id}"

    @name.setter
    def name(self, name: str) -> None:
        self.__dict__["_name"] = name

    @property
    def metadata(self) -> dict[str, Any]:
        """A mapping for whatever those who handle it want to keep with it."""
        metadata: dict[str, Any] = self.__dict__.setdefault("_metadata", {})  # atomic: all get the same
        return metadata

    @property
    def progress(self) -> tuple[float, float | None] | None:
        """What the call told by :func:`report_progress` last, as `done` and `total`; None if it told nothing."""
        return self.report.latest()

    def on_progress(self, listener: Callable[[float, float | None], object]) -> None:
        """
        Have ``listener(done, total)`` called whenever the call reports its progress.

        Parameters
        ----------
        listener : callable
            Called in the thread of the call, which waits for it. What it raises goes to the call.
        """
        if not callable(listener):
            raise TypeError(f"listener must be a function of done and total, not {listener!r}")
        self.report.listen(listener)

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        """Have ``fn(handle)`` called when the call has ended or was cancelled; at once, if that is so. Its order is that of the callbacks."""
        self.check_process()  # else who waits by a callback waits for ever
        super().add_done_callback(fn)

    def __await__(self) -> Generator[Any, None, T]:
        self.lend_a_hand()
        try:
            return self.result(0) if self.done() else (yield from wait_in_loop(self))
        finally:
            del self  # else a traceback would keep it, and it the traceback

    def _invoke_callbacks(self) -> None:
        """Call every callback, whatever others raise; an exit or an interrupt goes to whoever told the outcome, when all were called."""
        escaped = None
        for callback in self._done_callbacks:
            try:
                callback(self)
            except Exception:
                LOGGER.exception("exception calling callback for %r", self)
            except BaseException as error:
                escaped = escaped or error
        if escaped is not None:
            raise escaped

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a handle belongs to its process and cannot be pickled; send its result instead")
