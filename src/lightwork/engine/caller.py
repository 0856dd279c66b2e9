"""Who waits for a run."""

from __future__ import annotations

import math

from lightwork._clock import Clock, Waker
from lightwork.engine.run import Run

__all__ = ["Caller"]


class Caller:
    """
    The thread that made the call, as its crew knows it: asleep until something is due or there is news, or elsewhere.

    Parameters
    ----------
    run : Run
        For which it waits.
    wants_results : bool
        Whether what is done is news, and not only the end or want of items.

    Attributes
    ----------
    is_away : bool
        Whether it is elsewhere, with the source or with a reader, and sees to nothing.

    Notes
    -----
    Everything but :meth:`sleep` and :meth:`wake` wants the crew's lock.
    """

    def __init__(self, run: Run, *, wants_results: bool) -> None:
        self.is_away = False
        self._run = run
        self._wants_results = wants_results
        self._waker = Waker()
        self._asleep_until = -math.inf  # minus infinity while it is awake

    @property
    def has_news(self) -> bool:
        """Whether there is something for it to do."""
        run = self._run
        return run.is_over or (self._wants_results and bool(run.finished)) or run.is_hungry

    def is_up_by(self, time: float) -> bool:
        """Whether it will look then."""
        return not self.is_away and self._asleep_until <= time

    def lie_down(self, until: float) -> None:
        """Note until when it will sleep."""
        self._asleep_until = until

    def sleep_less(self, until: float) -> None:
        """Note that something is due, perhaps before."""
        self._asleep_until = min(self._asleep_until, until)

    def rises(self, due: float, *, could_help: bool) -> bool:
        """Return whether it sleeps and should not; whoever is told so wakes it."""
        if self._asleep_until == -math.inf or not (could_help or self.has_news or due < self._asleep_until):
            return False
        self._asleep_until = -math.inf
        return True

    def sleep(self, clock: Clock) -> None:
        """Sleep."""
        clock.sleep(self._waker, self._asleep_until - clock.now())

    def wake(self) -> None:
        """End its sleep."""
        self._waker.wake()
