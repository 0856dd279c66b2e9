"""A run without threads: a source, workers and a reader that act when they are told to, in a time that goes when it is told to."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lightwork._errors import TimedOut
from lightwork.engine.chunk import Block, Chunk
from lightwork.engine.run import Run
from lightwork.engine.stage import Stage
from lightwork.engine.verdict import judge


@dataclass
class World:
    """
    What happens to a run, and what was seen of it.

    Parameters
    ----------
    run : Run
        Under test.
    n_items : int
        How many the source has.
    n_failures : mapping
        How many attempts fail at first, by item; those not in it succeed at once.
    n_at_once : int
        How many items come from the source together.
    costs : sequence of float, optional
        What items count for before a limiter, over and over again.
    """

    run: Run
    n_items: int
    n_failures: Mapping[int, int] = field(default_factory=dict)
    n_at_once: int = 1
    costs: Sequence[float] = (1.0,)
    now: float = 0.0
    n_pulled: int = 0
    n_read: int = 0
    busy: list[Chunk] = field(default_factory=list)
    starts: list[tuple[float, int]] = field(default_factory=list)
    ends: Counter[int] = field(default_factory=Counter)
    outcomes: dict[int, Any] = field(default_factory=dict)
    unread: deque[Block] = field(default_factory=deque)
    stopped_at: tuple[int, int] | None = None  # how many had been pulled and started

    def events(self) -> list[Callable[[], None]]:
        """Return what could happen next."""
        possible: list[Callable[[], None]] = []
        if self.run.n_wanted > 0:
            possible.append(self.pull)
        if self.run.n_startable:
            possible.append(self.take)
        possible.extend(lambda i=i: self.step(i) for i in range(len(self.busy)))  # type: ignore[misc]
        if self.unread:
            possible.append(self.read)
        if self.run.timers.next_due < float("inf"):
            possible.append(self.wait)
        return possible

    def happen(self, event: Callable[[], None]) -> None:
        """Let something happen, and note what the run says."""
        event()
        while self.run.late:
            chunk = self.run.late.popleft()
            self.run.end_late(chunk, judge(chunk, TimedOut("late"), self.now, self.run.deadline), self.now)
        while self.run.finished:
            block = self.run.finished.popleft()
            self.unread.append(block)
            for i in range(len(block)):
                self.ends[block.start + i] += 1
                self.outcomes[block.start + i] = block.error or block.values[i]

    def pull(self) -> None:
        """Let the next items in, or say that there are none."""
        first = self.n_pulled
        self.n_pulled = min(first + min(self.n_at_once, self.run.n_wanted), self.n_items)
        if self.n_pulled > first:
            items = range(first, self.n_pulled)
            self.run.admit(list(items), self.now, [self.cost(item) for item in items])
        else:
            self.run.exhaust(self.now)

    def cost(self, item: int) -> float:
        """Return what an item counts for."""
        return self.costs[item % len(self.costs)]

    def take(self) -> None:
        """Give a chunk to a worker, if there is one to be begun."""
        chunk = self.run.take(self.now)
        if chunk is not None:
            if chunk.stage.limiter is not None:
                assert chunk.claim()
                self.starts.append((self.now, chunk.claimed[0]))
                chunk.stage.limiter.started(self.now, chunk.cost)
                self.run.has_begun(chunk, self.now)
            self.busy.append(chunk)

    def step(self, number: int) -> None:
        """Let a worker get on by one item, or bring back what it has."""
        chunk = self.busy[number]
        self.now += 0.001
        position = len(chunk.values)
        try:
            item = chunk.paid_queue().popleft()
        except IndexError:
            self.bring_back(chunk, None)
            return
        assert chunk.cost_at(position) == self.cost(item)
        if chunk.stage.limiter is None or position:  # else it counts since it was claimed
            self.starts.append((self.now if chunk.stage.limiter is None else chunk.stamps[position], item))
        attempt = sum(started == item for _, started in self.starts)
        chunk.stamps[position + 1] = self.now
        if attempt <= self.n_failures.get(item, 0):
            self.bring_back(chunk, ValueError(item))
            return
        chunk.values.append(-item)
        if not chunk.queue:
            self.bring_back(chunk, None)

    def bring_back(self, chunk: Chunk, error: Exception | None) -> None:
        """End a chunk."""
        self.busy.remove(chunk)
        self.run.end(chunk, self.now, None if error is None else judge(chunk, error, self.now, self.run.deadline))

    def read(self) -> None:
        """Read what was done first."""
        block = self.unread.popleft()
        self.n_read += len(block)
        self.run.read(len(block), self.now)

    def wait(self) -> None:
        """Let time pass until something is due."""
        self.now = max(self.now, self.run.timers.next_due)
        self.run.due(self.now)

    def stop(self) -> None:
        """Have the run stopped."""
        self.run.stop("cancelled", self.now, "enough")
        self.stopped_at = (self.n_pulled, len(self.starts))

    def finish(self) -> None:
        """Let everything happen that still can, one thing after the other."""
        for _ in itertools.count():
            events = self.events()
            if not events:
                return
            self.happen(events[0])


def run_of(stage: Stage, n_workers: int, **more: Any) -> Run:
    """Return a run of one stage, whose reader matters."""
    return Run([stage], n_workers, waits_for_reader=True, **more)
