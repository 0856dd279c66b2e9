"""One call over items, driven by the thread that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lightwork._clock import clock
from lightwork.engine.chunk import Block
from lightwork.engine.crew import Crew
from lightwork.engine.run import Run
from lightwork.engine.stage import Stage
from lightwork.tasks.calls import Entrance, call_for, check_function, spawner_for
from lightwork.tasks.feed import Feed
from lightwork.tasks.options import Options

__all__ = ["Drive"]


class Drive:
    """
    Lets items in, and yields what comes of them, until the run is over.

    Parameters
    ----------
    fn : callable
        Takes an item, or with `star` its members.
    items : iterable
        The source.
    options : Options
        All of the call's.
    star : bool
        Whether items are tuples of arguments.
    wants_results : bool
        Whether the caller looks at each result when it is there; else only at the end.
    waits_for_reader : bool
        Whether what is done and not :meth:`read` keeps other items out.
    stages : sequence of Stage, optional
        In the place of one made from `fn`.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        items: Iterable[Any],
        options: Options,
        *,
        star: bool = False,
        wants_results: bool = False,
        waits_for_reader: bool = False,
        stages: list[Stage] | None = None,
    ) -> None:
        check_function(fn)
        self.clock = clock()
        self._takes_all = options.window is None and not waits_for_reader
        self.feed = Feed(items, self.clock, key=options.item_key, cost=options.cost, is_numbered=options.rng is not None)
        spawner, random = spawner_for(options)
        self.run = Run(
            stages or [Stage(call_for(fn, options.retry, options.rng, star=star), options.retry, options.limiter)],
            spawner.n_workers,
            window=options.window,
            chunk_size=options.chunk_size,
            deadline=options.deadline(self.clock.now()),
            task_timeout=options.seconds_per_item,
            max_errors=1 if options.errors == "raise" else options.max_errors,
            fails_fast=options.errors == "raise",
            waits_for_reader=waits_for_reader,
            random=random,
            wake=self._poke,
        )
        enter = Entrance(self.run, options.on_report) if options.can_be_stopped or options.on_report or waits_for_reader else None
        self.crew = Crew(self.run, spawner, self.clock, token=options.stop, enter=enter, wants_results=wants_results)
        if options.stop is not None:
            self.crew.poke()  # it may be stopped already

    def _poke(self) -> None:
        self.crew.poke()

    def blocks(self, due: Callable[[], float | None] = lambda: None) -> Iterator[Block | None]:
        """
        Yield what is done as it comes, or None when `due` has come.

        What there is to read is yielded before the source is asked, which may take its time.
        """
        finished = self.run.finished
        while True:
            while finished:
                yield finished.popleft()
            if self.run.is_over and not finished:
                return
            if self.run.is_hungry:
                self.pull()
            else:
                when = due()
                self.crew.wait(float("inf") if when is None else when)
                if when is not None and not finished:
                    yield None

    def pull(self) -> None:
        """Let some items in."""
        batch = self.feed.take_all() if self._takes_all else None
        if batch is None:
            self.crew.leave()
            batch = self.feed.take(self.run.n_wanted, self._is_stopped)
        self.crew.admit(batch.items, batch.costs)
        if batch.is_last:
            self.crew.exhaust(batch.error)

    def _is_stopped(self) -> bool:
        return self.run.status is not None

    def raise_interrupt(self) -> None:
        """Raise Ctrl-C that an item met, in the place of whoever ran it."""
        if isinstance(self.run.reason, KeyboardInterrupt):
            raise self.run.reason
