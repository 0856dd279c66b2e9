"""Who keeps the time of a run while its caller is elsewhere."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable
from contextvars import Context

from lightwork._clock import Clock, Waker
from lightwork._core.launch import launch
from lightwork._log import LOGGER

__all__ = ["Keeper", "Watch"]


class Keeper:
    """
    A thread that sleeps until something is due; it does not keep the interpreter alive.

    Parameters
    ----------
    keep : callable
        A method that does what is due, and returns when there will be more, or None at the end. Its object is not kept alive by this thread: a
        stream that was forgotten, and is found by the collector only, ends.
    clock : Clock
        To sleep by.
    context : Context
        To run in.

    Attributes
    ----------
    asleep_until : float
        Who makes something due before that wakes it.
    """

    def __init__(self, keep: Callable[[], float | None], clock: Clock, context: Context) -> None:
        self.asleep_until: float = -math.inf
        self._keep = weakref.WeakMethod(keep)
        self._clock = clock
        self._waker = Waker()
        launch(threading.Thread(target=context.run, args=(self._live,), name="lightwork-time", daemon=True))

    def wake(self) -> None:
        """Have it look again."""
        self._waker.wake()

    def _live(self) -> None:
        while (due := self._next_due()) is not None:
            self.asleep_until = due
            self._clock.sleep(self._waker, due - self._clock.now())

    def _next_due(self) -> float | None:
        keep = self._keep()
        return None if keep is None else keep()


class Watch:
    """
    What is due in a run, and the keeper who sees to it, if one was needed.

    Parameters
    ----------
    keep, clock, context
        As of :class:`Keeper`.

    Attributes
    ----------
    due : float
        The next timer, as it was when the crew's lock was held last.
    """

    def __init__(self, keep: Callable[[], float | None], clock: Clock, context: Context) -> None:
        self.due: float = math.inf
        self._keep = keep
        self._clock = clock
        self._context = context
        self._keeper: Keeper | None = None
        self._may_hire = threading.Lock()
        self._has_told = False

    def see_to_the_time(self) -> None:
        """Have a keeper if anything will be due, and have him know of it in time."""
        due = self.due
        if due == math.inf:
            return
        if self._keeper is None and self._may_hire.acquire(blocking=False):  # the first who comes here
            self._hire()
        elif self._keeper is not None and due < self._keeper.asleep_until:
            self._keeper.wake()

    def _hire(self) -> None:
        """Have a keeper. If the system gives no more threads, the caller sees to what is due when he is back, or the next who comes tries again."""
        try:
            self._keeper = Keeper(self._keep, self._clock, self._context.copy())
        except (RuntimeError, MemoryError) as error:
            has_told, self._has_told = self._has_told, True
            self._may_hire.release()
            if not has_told:
                LOGGER.warning("nobody keeps the time while the caller is elsewhere: %r", error)

    def end(self) -> None:
        """Let the keeper find that the run is over."""
        if self._keeper is not None:
            self._keeper.wake()
