"""A worker that goes ahead, and makes room for others when it is known who they should be."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lightwork._clock import Clock
from lightwork.engine.chunk import Chunk
from lightwork.engine.crew import Crew
from lightwork.engine.run import Run
from lightwork.engine.threads import Spawner, ThreadCrew

__all__ = ["ScoutCrew"]


class ScoutCrew(ThreadCrew):
    """
    One worker at first; then more of its kind beside it, or another crew in its place.

    Parameters
    ----------
    run, spawner, clock, **more
        As of :class:`ThreadCrew`.
    """

    def __init__(self, run: Run, spawner: Spawner, clock: Clock, **more: Any) -> None:
        super().__init__(run, spawner, clock, **more)
        self._heir: Crew | None = None

    def widen(self, window: int | None) -> None:
        """Let another number of items in."""
        self._tell(lambda _now: self.run.widen(window))

    def make_room(self, n_items: int, window: int | None) -> None:
        """Let so many more items in, as far as a window allows."""
        self._tell(lambda _now: self.run.make_room(n_items, window))

    def join(self, spawner: Spawner) -> None:
        """Go on with other workers; who has something in hand brings it to its end."""
        self._tell(functools.partial(self._replace, spawner))

    def _replace(self, spawner: Spawner, _now: float) -> None:
        self._workers = self._spawner = spawner
        self.run.employ(spawner.n_workers)

    def give_way(self, make: Callable[[], Crew]) -> Crew | None:
        """Have a crew made that goes on with the run, and return it; None if a worker has still something in hand."""
        with self._lock:
            if not self.run.is_free:
                return None
            heir = make()
            heir.inherit(self)
            self._heir = heir
        self._retire()
        heir.poke()
        return heir

    def keep(self) -> float | None:
        """Do what is due, and have the heir look, if there is one."""
        due = super().keep()
        if self._heir is not None:
            self._heir.poke()
        return due

    def poke(self) -> None:
        """Have the heir look, if there is one: who pokes may have known this one only."""
        super().poke()
        if self._heir is not None:
            self._heir.poke()

    def _take(self) -> Chunk | None:
        if self._heir is None:
            return super()._take()
        self._n_workers -= 1  # it was called, and comes too late
        return None

    def _n_to_call(self) -> int:
        return 0 if self._heir is not None else super()._n_to_call()
