"""Who keeps the time of a run while its caller is elsewhere."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextvars import Context

from lightwork._clock import Clock, Waker

__all__ = ["Keeper"]


class Keeper:
    """
    A thread that sleeps until something is due; it does not keep the interpreter alive.

    Parameters
    ----------
    keep : callable
        Does what is due, and returns when there will be more, or None at the end.
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
        self._keep = keep
        self._clock = clock
        self._waker = Waker()
        threading.Thread(target=context.run, args=(self._live,), name="lightwork-time", daemon=True).start()

    def wake(self) -> None:
        """Have it look again."""
        self._waker.wake()

    def _live(self) -> None:
        while (due := self._keep()) is not None:
            self.asleep_until = due
            self._clock.sleep(self._waker, due - self._clock.now())
