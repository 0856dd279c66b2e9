"""A run's workers as processes, each of which may die."""

from __future__ import annotations

import functools
import itertools
import threading
from collections import Counter
from typing import Any

from lightwork._clock import Clock
from lightwork._errors import WorkerLost
from lightwork.engine.chunk import Chunk
from lightwork.engine.crew import Crew
from lightwork.engine.run import Run
from lightwork.engine.stage import Stage
from lightwork.engine.verdict import Verdict
from lightwork.executors.futures import Outcome
from lightwork.executors.process.company import Company, UnloadableError
from lightwork.executors.process.parcels import Parcel
from lightwork.executors.process.worker import Lost, Worker

__all__ = ["ProcessCrew"]

N_STILLBORN = 3  # workers may die in a row with a chunk of which they have begun no item


class ProcessCrew(Crew):
    """
    Workers that come when they have started, are handed chunk after chunk, and may be lost with one.

    Parameters
    ----------
    run, company, clock, **more
        As of :class:`Crew`.
    """

    def __init__(self, run: Run, company: Company, clock: Clock, **more: Any) -> None:
        super().__init__(run, company, clock, **more)
        self._company = company
        self._at_work: dict[Chunk, Worker] = {}
        self._at_hand = threading.RLock()  # held by who ends a worker, so that this does not get other work meanwhile, maybe another run's
        self._deaths: Counter[tuple[int, int]] = Counter()  # by stage and item
        self._silences: Counter[tuple[int, int]] = Counter()  # likewise: what came of it was not heard
        self._n_stillborn = 0
        self._functions: dict[int, Parcel] = {}

    def close(self, error: BaseException | None = None) -> None:
        """End the run; workers that have something in hand end with it, for nobody waits for that."""
        super().close(error)
        for chunk in list(self._at_work):
            self._give_up(chunk)
        self._company.close()

    # --- Workers come and go ------------------------------------------------------------------------------------------

    def _call(self, n_workers: int) -> None:
        for _ in range(n_workers):
            self._company.summon(self._arrive)
        if self._is_poked:
            self._answer()

    def _arrive(self, worker: Worker | None, failure: BaseException | None) -> None:
        """Give a worker its first chunk. One that failed to come is not waited for."""
        if worker is not None:
            self._employ(worker, self._begin())
        elif failure is not None and self.run.status is None:
            self._fail(failure)

    def _employ(self, worker: Worker, chunk: Chunk | None) -> None:
        """Hand a worker its chunk, or let it go."""
        while chunk is not None:
            self._start(chunk)
            items = chunk.take_all()
            if items and self._hand_out(worker, chunk, items):
                return
            chunk = self._bring_back(chunk, None, goes_on=True)
        self._company.release(worker)

    def _hand_out(self, worker: Worker, chunk: Chunk, items: list[Any]) -> bool:
        """Hand a chunk out; return whether it went."""
        self._at_work[chunk] = worker
        try:
            self._company.hand_out(worker, self._function_of(chunk.stage), items, functools.partial(self._receive, chunk), chunk.start)
        except Exception as error:  # something that cannot be pickled, which is for the caller to know
            del self._at_work[chunk]
            self._fail(error)
            return False
        except BaseException as error:  # a signal handler's: the chunk has gone, or it has not
            self._fail(error)
            return self._recall(worker, chunk)
        if self._is_closed:  # in between
            self._give_up(chunk)
        return True

    def _recall(self, worker: Worker, chunk: Chunk) -> bool:
        """End the worker that has a chunk or has not; return whether somebody else sees to both, because it has brought the chunk back."""
        with self._at_hand:
            is_back = self._at_work.pop(chunk, None) is None
            if not is_back:
                worker.kill()
        return is_back

    def _function_of(self, stage: Stage) -> Parcel:
        """Return a stage's function as it travels, pickled once."""
        function = self._functions.get(stage.index)
        if function is None:
            function = self._functions[stage.index] = self._company.parcel(stage.call)
        return function

    # --- What comes back ----------------------------------------------------------------------------------------------

    def _receive(self, chunk: Chunk, outcome: Outcome | Lost) -> None:
        with self._at_hand:
            worker = self._at_work.pop(chunk, None)
        if worker is None:  # it was recalled
            return
        if isinstance(outcome, Lost):
            self._lose(chunk, outcome)
            return
        if isinstance(outcome.error, UnloadableError):
            self._fail(outcome.error)
        self._n_stillborn = 0
        self._note(chunk, outcome)
        if worker.is_spent:
            self._dismiss(worker, chunk, outcome.error)
        else:
            leave = functools.partial(self._company.release, worker)  # the caller's next run finds it at hand
            following = self._bring_back(chunk, outcome.error, goes_on=True, leave=leave)
            if following is not None:
                self._employ(worker, following)

    def _note(self, chunk: Chunk, outcome: Outcome) -> None:
        """Put down what a chunk brought, and when: clocks of other processes may differ, but time goes by as fast."""
        began = self.clock.now() - sum(outcome.seconds)
        chunk.values.extend(outcome.values)
        for position, ended in enumerate(itertools.accumulate(outcome.seconds, initial=began)):
            chunk.stamps[position] = ended

    def _dismiss(self, worker: Worker, chunk: Chunk, error: BaseException | None) -> None:
        """Take a worker's last chunk back, and have another come in its place."""
        self._company.release(worker)
        self._bring_back(chunk, error, goes_on=False)
        self._count_out()

    def _count_out(self) -> None:
        """Count a worker out, and call others if there is something to begin."""
        with self._lock:
            self._n_workers -= 1
            n_more, wakes = self._n_to_call(), self._wakes()
        self._act(n_more, wakes=wakes)

    def _give_up(self, chunk: Chunk) -> None:
        """End the worker of a chunk that nobody waits for, unless it has brought it back."""
        with self._at_hand:
            worker = self._at_work.get(chunk)
            if worker is not None:
                worker.kill()

    # --- What is lost -------------------------------------------------------------------------------------------------

    def _lose(self, chunk: Chunk, lost: Lost) -> None:
        """Let the item that a worker died of have its end or its next attempt, and the others of its chunk another worker."""
        is_unheard = lost.position == chunk.n_items
        position = self._guilty_of_silence(chunk) if is_unheard else lost.position
        now = self.clock.now()
        victim = None if position is None or chunk.is_abandoned else chunk.single(position)
        verdict = None if victim is None else self._judge_death(victim, lost.error)
        with self._lock:
            self.run.lose(chunk, victim, now, verdict, apart=is_unheard)
        self._n_stillborn = 0 if is_unheard or victim is not None or chunk.is_abandoned else self._n_stillborn + 1
        if self._n_stillborn > N_STILLBORN:
            self._fail(lost.error)
        self._count_out()

    def _guilty_of_silence(self, chunk: Chunk) -> int | None:
        """Return which item keeps what came of a chunk from being told: who does so twice, all by itself. Until then each is tried alone."""
        item = (chunk.stage.index, chunk.start)
        if chunk.n_items == 1:
            self._silences[item] += 1
        return 0 if self._silences[item] > 1 else None

    def _judge_death(self, victim: Chunk, error: WorkerLost) -> Verdict:
        death = (victim.stage.index, victim.index)
        self._deaths[death] += 1
        if self._deaths[death] == 1:
            return self._asked(victim, error)
        return Verdict(error.as_poisonous())
