"""Items that wait for their next attempt."""

from __future__ import annotations

from lightwork.engine.chunk import Batch
from lightwork.engine.stage import Stage
from lightwork.engine.timers import Timers

__all__ = ["Repeats"]


class Repeats:
    """
    Each goes back to its stage when its time has come, or when that has come and all others have had their turn.

    Parameters
    ----------
    timers : Timers
        The run's.
    """

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._deferred: list[tuple[float, tuple[Stage, Batch]]] = []  # those that wait for all others, and until when at least

    def __bool__(self) -> bool:
        """Whether any wait for all others."""
        return bool(self._deferred)

    def add(self, stage: Stage, batch: Batch, due: float) -> None:
        """Let an item wait."""
        if stage.repeats_at_end:
            self._deferred.append((due, (stage, batch)))
        else:
            self._timers.set(due, self._come_back, (stage, batch))

    def release(self) -> None:
        """Let those that wait for all others have their turn."""
        for due, waiting in self._deferred:
            self._timers.set(due, self._come_back, waiting)
        self._deferred.clear()

    def clear(self) -> None:
        """Forget those that wait for all others; the rest goes with the timers."""
        self._deferred.clear()

    def _come_back(self, waiting: tuple[Stage, Batch], _now: float) -> None:
        stage, batch = waiting
        stage.add(batch, first=not stage.repeats_at_end)  # it has waited long enough
