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
from lightwork.engine.stage import Stage
from lightwork.executors.stealing import Threads
from lightwork.tasks.calls import call_for, check_plain_function, crew_for, grain_for, watched, workers_for
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
        workers, random = workers_for(options)
        self.run: Run = Run(
            stages,
            workers.n_workers,
            window=options.window,
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
        self.crew: Crew = crew_for(
            workers,
            self.run,
            options,
            self.clock,
            n_items=feed.n_items,
            can_be_left=waits_for_reader,
            wants_results=wants_results,
            keys=feed.keys,
        )
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
            if self.run.is_hungry and (self.feed.is_quick or not finished):
                self.pull()
            elif finished:
                self.crew.leave()
                yield finished.popleft()
            else:
                when = due()
                self.crew.wait(math.inf if when is None else when)
                if when is not None and not finished:
                    yield None
        self.crew.raise_failure()

    def read(self, block: Block) -> None:
        """Note that what a block tells was read, which makes room for other items."""
        self.crew.read(len(block))

    def close(self, error: BaseException | None = None) -> None:
        """End the run, whatever is unfinished."""
        self.crew.close(error)
        self._account.settle()

    def pull(self) -> None:
        """Let some items in."""
        batch = self.feed.take_all() if self._takes_all else None
        if batch is None:
            self.crew.leave()
            self._account.settle()  # a stream may never end
            batch = self.feed.take(self.run.n_wanted, self._is_stopped)
        self.crew.admit(batch.items, batch.costs)
        if batch.is_last:
            self.crew.exhaust(batch.error)

    def _is_stopped(self) -> bool:
        return self.run.status is not None
