"""A call whose first items show who should run the others."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from lightwork._cpus import cpu_budget
from lightwork._log import LOGGER
from lightwork.engine.crew import Crew
from lightwork.engine.run import Run
from lightwork.engine.scouts import ScoutCrew
from lightwork.engine.stage import Stage
from lightwork.executors.serial import INLINE
from lightwork.executors.stealing import Threads
from lightwork.tasks.calls import crew_for, grain_for, n_workers_of, scout_for
from lightwork.tasks.decision import START_SECONDS, TOO_LITTLE, Choice, Decision
from lightwork.tasks.forecast import TOGETHER, cost_of, foretell, n_missing
from lightwork.tasks.options import Options
from lightwork.tasks.sounding import Sounding, Typical, typical
from lightwork.tasks.willing import WillingCompany

__all__ = ["Scout"]

PROBE_SECONDS = 4e-3  # for which the first items are looked at, or until the first has ended
BESIDE_SECONDS = 15e-3  # of work that two threads then do side by side: some intervals in which the GIL changes hands
WORTH_SECONDS = 30e-3  # of work that is left, below which nobody need know how it could be shared
SHORT_SECONDS = 5e-6  # of an item, which nobody can be handed for less
ENOUGH = 16  # calls that short, to know it
STEP_SECONDS = 20e-3  # of work that is let in together when the calling thread goes on for the time being
N_LOOKED_AT = 4096  # items let in together at most
N_LOOKS = 3  # at the first items, if the time went by without them: a busy machine
N_TRIES = 3  # to have two threads at work at the same time, on a busy machine
WAITING = 0.5  # share of a call without a CPU, from which on it is for threads, whatever it does besides
OWN_CPUS = 1.3  # that a call uses, from which on it must have threads of its own; less is noise


class Scout:
    """
    Looks at the first items of a run, and decides who runs the others.

    Parameters
    ----------
    stages : sequence of Stage
        What each item passes; their functions are measured until the decision.
    options : Options
        The call's.
    n_items : int or None
        How many there are, if anybody knows.
    now : callable
        Tells the time.

    Attributes
    ----------
    decision : Decision or None
    """

    def __init__(self, stages: Sequence[Stage], options: Options, n_items: int | None, now: Callable[[], float]) -> None:
        self.decision: Decision | None = _without_looking(options, n_items)
        self._stages = stages
        self._options = options
        self._n_items = n_items
        self._now = now
        self._began = now()
        self._until = self._began + PROBE_SECONDS
        self._process_began = 0.0
        self._n_asked = 0
        self._n_looks = 1
        self._alone: Typical | None = None
        self._beside: Typical | None = None
        self._cpus = 1.0
        self._n_tries = 0
        if self.decision is None:
            self._soundings = [_sounded(stage, now) for stage in stages]
        else:
            LOGGER.debug("auto: %s", self.decision)

    # --- How long -----------------------------------------------------------------------------------------------------

    @property
    def until(self) -> float:
        """Until when to wait for items none of which can begin."""
        return self._until

    @property
    def later(self) -> float:
        """When to look again whether an item is still under way: not often, if it takes long."""
        now = self._now()
        return now + max(now - self._began, PROBE_SECONDS)

    def n_more(self) -> int:
        """Return how many items to let in: one at first, and then as many as there is time for."""
        self._n_asked += 1
        seconds = (self._alone or self._measured()).seconds
        if self._n_asked == 1 or seconds <= 0.0:
            return self._n_asked
        if self._n_tries:
            return int(max(min((STEP_SECONDS if self._beside else BESIDE_SECONDS) / seconds, N_LOOKED_AT), 2))
        return int(max(min((self.until - self._now()) / seconds, 2.0**self._n_asked, N_LOOKED_AT), 1))

    def _measured(self) -> Typical:
        return _of_stages([typical(sounding.tallies()) for sounding in self._soundings])

    def has_seen(self, run: Run, crew: ScoutCrew) -> bool:
        """Whether that is enough, now that nothing is in hand that could be; if not, see to it that there will be more to be seen."""
        if self._alone is None:
            return self._has_seen_one(run, crew)
        if self._beside is None:
            return self._has_seen_two(crew)
        return True

    def _has_seen_one(self, run: Run, crew: ScoutCrew) -> bool:
        """Whether it is known what items cost that run one after the other, and need not be known what they do side by side."""
        measured = self._measured()
        is_time_up = run.n_admitted > 0 and self._is_time_up(measured)
        waits = measured.wait_share > WAITING and measured.seconds > PROBE_SECONDS / 4
        left = self._n_left(run) * measured.seconds
        is_short = measured.n_calls >= ENOUGH and measured.seconds < SHORT_SECONDS
        if not (is_time_up or waits or is_short or (measured.n_calls and left < TOO_LITTLE)):
            return False
        self._alone = measured
        is_worth = left >= WORTH_SECONDS and measured.seconds >= SHORT_SECONDS and min(cpu_budget(), n_workers_of("thread", self._options)) > 1
        if not measured.n_calls or not is_worth or measured.wait_share > WAITING:
            return True
        self._look_beside(crew)
        return False

    def _is_time_up(self, measured: Typical) -> bool:
        """Whether calls have been looked at for long enough; if others had the CPU or the GIL meanwhile, they get as much time again."""
        now = self._now()
        if now < self.until:
            return False
        if measured.n_calls == 0 or measured.n_calls * measured.seconds >= PROBE_SECONDS / 4 or self._n_looks == N_LOOKS:
            return True
        self._n_looks += 1
        self._until = now + PROBE_SECONDS
        return False

    def _n_left(self, run: Run) -> float:
        return math.inf if self._n_items is None else self._n_items - run.n_finished

    def _cpus_of_a_call(self, measured: Typical) -> float:
        """Return how many CPUs a call uses: its own threads are all those that nobody else explains."""
        own = measured.cpu_seconds * measured.n_calls
        cpus = (time.process_time() - self._process_began) / own if own else 1.0
        return cpus if cpus > OWN_CPUS else 1.0

    def _look_beside(self, crew: ScoutCrew) -> None:
        """Have two threads run the next items, which takes no longer than one would."""
        self._n_tries += 1
        self._process_began = time.process_time()
        for sounding in self._soundings:
            sounding.begin_anew()
        crew.join(Threads(2))

    def _has_seen_two(self, crew: ScoutCrew) -> bool:
        measured = self._measured()
        if measured.n_at_once < TOGETHER and self._n_tries < N_TRIES:
            self._look_beside(crew)
            return False
        self._beside = measured
        self._cpus = self._cpus_of_a_call(measured)
        return True

    # --- What then ----------------------------------------------------------------------------------------------------

    def go_on(self, run: Run, crew: ScoutCrew, **more: Any) -> Crew | None:
        """Decide, and return the crew that goes on; None while nobody can tell whether processes would pay."""
        decision = self._decided(run)
        if decision.choice == "process" and self._may_be_over_soon():
            crew.join(scout_for(self._options))
            self._until = self._now() + STEP_SECONDS
            return None
        for stage, sounding in zip(self._stages, self._soundings, strict=True):
            stage.call = sounding.call
        heir = self._heir(decision.choice, run, crew, **more)
        if heir is None:
            decision = Decision("thread", "an item is still under way in a thread", decision.cost, decision.estimate)
            heir = self._heir(decision.choice, run, crew, **more)
        self.decision = decision
        LOGGER.debug("auto: %s", decision)
        return heir

    def conclude(self) -> None:
        """Note that the run is over, decided or not."""
        if self.decision is None:
            self.decision = Decision("serial", "the run was over before there was anything to decide")
            LOGGER.debug("auto: %s", self.decision)

    def _may_be_over_soon(self) -> bool:
        """Whether a source that does not say how much there is has not kept us busy for as long as processes take to start."""
        return self._n_items is None and n_missing(self._options) > 0 and self._now() - self._began < START_SECONDS

    def _heir(self, choice: Choice, run: Run, crew: ScoutCrew, **more: Any) -> Crew | None:
        crew.widen(self._options.window)
        if choice == "serial" and not run.is_free:
            return None
        if choice == "serial":
            crew.join(scout_for(self._options))
            return crew
        if choice == "thread":
            crew.join(Threads(self._n_threads()))
            return crew
        workers = WillingCompany(n_workers_of(choice, self._options))

        def make() -> Crew:
            run.employ(workers.n_workers, grain_for(workers, self._options))
            return crew_for(workers, run, self._options, **more)

        return crew.give_way(make)

    def _n_threads(self) -> int:
        """Return how many threads go on: no more than can compute at a time, if that is what items do and nobody has said how many."""
        n_threads = n_workers_of("thread", self._options)
        computes = self._alone is not None and self._alone.n_calls > 0 and self._alone.wait_share <= WAITING
        return n_threads if self._options.workers or not computes else min(n_threads, cpu_budget())

    def _decided(self, run: Run) -> Decision:
        if self._alone is None or not self._alone.n_calls:
            return Decision("thread", "no item had its turn in time")
        n_left = None if self._n_items is None else max(self._n_items - run.n_finished, 0)
        calls = [sounding.sample() for sounding in self._soundings]
        decision = foretell(cost_of(self._alone, self._beside, self._cpus), n_left, calls, self._options)
        if decision.choice == "serial" and self._options.task_timeout is not None:
            reason = f"an item that takes too long can be left behind in a thread only; else {decision.reason}"
            return dataclasses.replace(decision, choice="thread", reason=reason)
        return decision


def _without_looking(options: Options, n_items: int | None) -> Decision | None:
    if INLINE.get() is not None:
        return Decision("serial", "the context wants items inline")
    if options.workers == 1:
        return Decision("serial", "one worker was asked for")
    if n_items is not None and n_items <= 1 and options.task_timeout is None:
        return Decision("serial", "there is one item at most")
    return None


def _sounded(stage: Stage, now: Callable[[], float]) -> Sounding:
    stage.call = sounding = Sounding(stage.call, now)
    return sounding


def _of_stages(each: Sequence[Typical]) -> Typical:
    """Return what an item costs that passes several functions."""
    n_calls = min(stage.n_calls for stage in each)
    n_at_once = sum(stage.n_at_once for stage in each)
    return Typical(n_calls, sum(stage.cpu_seconds for stage in each), sum(stage.wait_seconds for stage in each), n_at_once)
