"""One call over items, driven by the thread that makes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from lightwork._clock import Clock, clock
from lightwork.engine.account import Account
from lightwork.engine.chunk import Block
from lightwork.engine.crew import Crew
from lightwork.engine.run import Run
from lightwork.engine.scouts import ScoutCrew
from lightwork.engine.stage import Stage
from lightwork.executors.stealing import Threads
from lightwork.tasks.auto import Scout
from lightwork.tasks.calls import call_for, check_plain_function, crew_for, grain_for, watched, workers_for
from lightwork.tasks.decision import Decision
from lightwork.tasks.feed import Feed
from lightwork.tasks.options import Options

__all__ = ["Drive", "Driven", "one_stage"]


class Known(Protocol):
    """What is known of the items beforehand: how many there are, and what they are called."""

    n_items: int | None
    keys: dict[int, Any]


class Driven(Protocol):
    """A run under way, whoever drives it."""

    @property
    def run(self) -> Run:
        """The run."""
        ...

    @property
    def feed(self) -> Known:
        """Its items."""
        ...

    @property
    def clock(self) -> Clock:
        """Its clock."""
        ...

    @property
    def decision(self) -> Decision | None:
        """Who runs its items, and why, where that was to be found out."""
        ...


def one_stage(fn: Callable[..., Any], options: Options, *, star: bool = False) -> list[Stage]:
    """Return what an item passes where there is one function."""
    check_plain_function(fn)
    return [Stage(call_for(watched(fn, options), options.retry, options.rng, star=star), options.retry, options.limiter)]


class Drive:
    """
    Lets items in, and yields what comes of them, until the run is over.

    Parameters
    ----------
    stages : sequence of Stage
        What each item passes.
    feed : Feed
        The items.
    options : Options
        All of the call's.
    wants_results : bool
        Whether the caller looks at each result when it is there; else only at the end.
    waits_for_reader : bool
        Whether what is done and not :meth:`read` keeps other items out.
    """

    def __init__(self, stages: Sequence[Stage], feed: Feed, options: Options, *, wants_results: bool = False, waits_for_reader: bool = False) -> None:
        self.clock: Clock = clock()
        self.feed = feed
        self._takes_all = options.window is None and not waits_for_reader
        self._options = options
        workers, random = workers_for(options)
        self._scout = Scout(stages, options, feed.n_items, self.clock.now) if options.executor == "auto" else None
        self.run: Run = Run(
            stages,
            workers.n_workers,
            window=options.window if self._is_decided else 1,
            chunk_size=options.chunk_size,
            deadline=options.deadline(self.clock.now()),
            task_timeout=options.seconds_per_item,
            max_errors=1 if options.errors == "raise" else options.max_errors,
            fails_fast=options.errors == "raise",
            waits_for_reader=waits_for_reader,
            random=random,
            grain=grain_for(workers, options),
            wake=self._poke,
        )
        self._manner: dict[str, Any] = {
            "clock": self.clock,
            "n_items": feed.n_items,
            "can_be_left": waits_for_reader,
            "wants_results": wants_results,
            "keys": feed.keys,
        }
        self.crew: Crew = crew_for(workers, self.run, options, **self._manner)
        self._account = Account(self.run, workers.core if isinstance(workers, Threads) else None)
        if options.stop is not None:
            self.crew.poke()  # it may be stopped already

    def _poke(self) -> None:
        self.crew.poke()

    def blocks(self, due: Callable[[], float | None] = lambda: None) -> Iterator[Block | None]:
        """
        Yield what is done as it comes, or None when `due` has come.

        What there is to read is yielded before a source is asked that takes its time.
        """
        finished = self.run.finished
        while not self.crew.is_over or finished:
            if not self._is_decided:
                self._look_ahead()
            if self._is_decided and self.run.is_hungry and (self.feed.is_quick or not finished):
                self.pull()
            elif finished:
                self.crew.leave()
                yield finished.popleft()
            else:
                when = due()
                self.crew.wait(min(math.inf if when is None else when, self._until))
                if when is not None and not finished:
                    yield None
        if self._scout is not None:
            self._scout.conclude()
        self.crew.raise_failure()

    @property
    def decision(self) -> Decision | None:
        """Who runs the items, and why, where that was to be found out."""
        return None if self._scout is None else self._scout.decision

    @property
    def _is_decided(self) -> bool:
        return self._scout is None or self._scout.decision is not None

    @property
    def _until(self) -> float:
        """Until when to wait for items that have not begun again, while it is not decided who runs them."""
        if self._is_decided or self._scout is None:
            return math.inf
        return self._scout.until if self._is_at_rest else self._scout.later

    @property
    def _is_at_rest(self) -> bool:
        """Whether no item is under way, or could be."""
        return self.run.is_at_rest and not self.run.n_startable

    def _look_ahead(self) -> None:
        """See whether enough is known of the items to go on with them in another way; else let as many in as there is time to look at."""
        scout, crew = self._scout, self.crew
        if scout is None or not isinstance(crew, ScoutCrew) or not self._is_at_rest:
            return
        heir = scout.go_on(self.run, crew, **self._manner) if scout.has_seen(self.run, crew) else None
        if heir is not None:
            self.crew = heir
        elif not (self.run.finished or self.run.is_exhausted or self.run.status):
            self._pull_some(crew, scout.n_more())

    def _pull_some(self, crew: ScoutCrew, n_items: int) -> None:
        """Let so many items in, if they come without a wait, and then no others until all of them have had their turn."""
        crew.make_room(n_items, self._options.window)
        while self.run.n_wanted > 0:
            self.pull()
            if not self.feed.is_quick:
                break
        crew.widen(1)

    def read(self, block: Block) -> None:
        """Note that what a block tells was read, which makes room for other items."""
        self.crew.read(len(block))

    def close(self, error: BaseException | None = None) -> None:
        """End the run, whatever is unfinished."""
        self.crew.close(error)
        if self._scout is not None:
            self._scout.conclude()
        self._account.settle()

    def pull(self) -> None:
        """Let some items in."""
        batch = self.feed.take_all() if self._takes_all and self._is_decided else None
        if batch is None:
            self.crew.leave()
            self._account.settle()  # a stream may never end
            batch = self.feed.take(self.run.n_wanted, self._is_stopped)
        self.crew.admit(batch.items, batch.costs)
        if batch.is_last:
            self.crew.exhaust(batch.error)

    def _is_stopped(self) -> bool:
        return self.run.status is not None
