"""A run's workers as threads of this process."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Protocol

from lightwork._clock import SYSTEM, Clock
from lightwork._core.inner import inner_threads
from lightwork._gil import has_gil
from lightwork.engine.crew import Crew
from lightwork.engine.ramp import Ramp
from lightwork.engine.run import Run
from lightwork.engine.workers import Workers

__all__ = ["Spawner", "ThreadCrew"]


class Spawner(Workers, Protocol):
    """What makes calls in threads."""

    def spawn(self, call: Callable[..., object]) -> None:
        """Have a call made soon, by another thread: without arguments, or with what keeps it from being made."""
        ...


class ThreadCrew(Crew):
    """
    Workers that take chunks themselves, one after the other; one that finds nothing to begin goes home.

    Parameters
    ----------
    run, spawner, clock, **more
        As of :class:`Crew`.
    n_items : int, optional
        How many items there are, if that is known: no more workers have something to do at a time.
    """

    def __init__(self, run: Run, spawner: Spawner, clock: Clock, *, n_items: int | None = None, **more: Any) -> None:
        super().__init__(run, spawner, clock, **more)
        self._spawner = spawner
        self._n_busy = spawner.n_workers if n_items is None else min(spawner.n_workers, n_items)  # at most
        self._ramp = Ramp() if has_gil() and clock is SYSTEM and not spawner.is_here else None  # who lends a hand sees to nobody
        run.workers_pay = True

    def _n_at_once(self, n_wanted: int) -> int:
        if not n_wanted or self._ramp is None or not self._caller.is_up_by(self._ramp.due):  # for else nobody would see to the rest
            return n_wanted
        return self._ramp.step(n_wanted, self._n_workers, self.run.n_running, self.clock.now())

    def _rest_is_due(self) -> float:
        return math.inf if self._ramp is None or not self._n_wanted() else self._ramp.due

    def _call(self, n_workers: int) -> None:
        for _ in range(n_workers):
            self._spawner.spawn(functools.partial(self._context.copy().run, self._work))
        if self._is_poked:
            self._answer()

    def _work(self, failure: BaseException | None = None) -> None:
        """Do what a worker does: chunk after chunk, as long as there is something to begin. One that failed to come is not waited for."""
        if failure is not None:
            self._miss(failure)
            return
        try:
            with inner_threads.beside(self._n_busy):
                self._go_on()
        except BaseException as error:
            self._fail(error)

    def _go_on(self) -> None:
        chunk = self._begin()
        while chunk is not None:
            self._start(chunk)
            chunk = self._bring_back(chunk, chunk.run(self._loop), goes_on=True)

    def _miss(self, failure: BaseException) -> None:
        """Give the run up, if it is not over anyway: the pool makes no calls any more, and the workers there are might be none."""
        if self.run.status is None:
            self._fail(failure)
