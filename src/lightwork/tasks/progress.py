"""How far a run has come, told now and then."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

from lightwork._clock import clock
from lightwork.tasks.displays import display

__all__ = ["OnProgress", "Throttle", "followed"]

OnProgress = Callable[[int, int], object]

INTERVAL = 0.1  # seconds: ten calls a second look like motion, and cost nothing


class Throttle:
    """
    Calls ``on_progress(done, total)`` at most ten times a second, and once more at the end.

    `done` never decreases, and the last call has what :meth:`finish` was told, so it is `total` for a run that completed.

    Parameters
    ----------
    on_progress : callable
        Called in the thread that calls the methods. What it raises goes to the caller of the method.
    now : callable, optional
        Returns seconds of a monotonic clock; that in force if it is not given.

    Notes
    -----
    Not thread-safe: it belongs to the thread that drives the run.
    """

    __slots__ = ("_latest", "_next", "_now", "_on_progress", "_told")

    def __init__(self, on_progress: OnProgress, now: Callable[[], float] | None = None) -> None:
        self._on_progress = on_progress
        self._now = clock().now if now is None else now
        self._next = self._now()  # the first change is told at once
        self._latest = (0, 0)
        self._told: tuple[int, int] | None = None

    def update(self, done: int, total: int) -> None:
        """Tell that so many items of so many have ended, now or, if the last time was just now, when :attr:`due` has come."""
        self._latest = (max(done, self._latest[0]), total)
        self.flush()

    @property
    def due(self) -> float | None:
        """When :meth:`flush` would tell what was held back, on the clock; None if nothing is."""
        return None if self._latest == (self._told or (0, 0)) else self._next

    def flush(self) -> None:
        """Tell what was held back if its time has come."""
        if self.due is not None and self._now() >= self._next:
            self._tell()

    def finish(self, done: int, total: int) -> None:
        """Tell the last numbers, whenever that is, unless that has been done."""
        self._latest = (max(done, self._latest[0]), total)
        if self._latest != self._told:
            self._tell()

    def _tell(self) -> None:
        self._next = self._now() + INTERVAL
        self._told = self._latest
        self._on_progress(*self._latest)


@contextlib.contextmanager
def followed(on_progress: OnProgress | None, *, progress: bool, now: Callable[[], float] | None = None) -> Generator[Throttle | None, None, None]:
    """
    Open what a run was asked to tell its progress to; close it in the end, whatever becomes of the run.

    Parameters
    ----------
    on_progress : callable or None
        The caller's own function.
    progress : bool
        Whether to show a bar, too.
    now : callable, optional
        Returns seconds of a monotonic clock; that in force if it is not given.

    Yields
    ------
    Throttle or None
        What to tell; None if nobody listens.
    """
    if not progress:
        yield None if on_progress is None else Throttle(on_progress, now)
        return
    shown = display()

    def tell(done: int, total: int) -> None:
        shown(done, total)
        if on_progress is not None:
            on_progress(done, total)

    with contextlib.closing(shown):
        yield Throttle(tell, now)
