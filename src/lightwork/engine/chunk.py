"""Items on their way: waiting, in a worker's hands, done."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightwork._core.queue import Queue
from lightwork.engine.paid_queue import PaidQueue
from lightwork.executors.loops import Loop, Row
from lightwork.policies.turnstile import Cost

if TYPE_CHECKING:
    from lightwork.engine.stage import Stage
    from lightwork.engine.timers import Timer

__all__ = ["Batch", "Block", "Chunk"]

N_SAMPLES = 5  # items of a chunk whose times are looked at


@dataclass(slots=True)
class Batch:
    """
    Items in a row that wait for their turn, and have the same history.

    Attributes
    ----------
    start : int
        Index of the first item.
    items : sequence
        From `offset` on, what waits.
    admitted, began : float or None
        When they came in, and when the first attempt began.
    attempts : int
        How many were made.
    costs : sequence of float, optional
        What each counts for before a limiter, from `offset` on.
    """

    start: int
    items: Sequence[Any]
    admitted: float
    attempts: int = 0
    began: float | None = None
    costs: Sequence[Cost] | None = None
    offset: int = 0

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self.items) - self.offset

    def cut(self, n_items: int, stage: Stage, now: float) -> Chunk:
        """Take the first items out, for a worker that begins now."""
        stop = self.offset + n_items
        chunk = Chunk(stage, self, self.items[self.offset : stop], self.costs and self.costs[self.offset : stop], now)
        self.start += n_items
        self.offset = stop
        return chunk

    @property
    def cost(self) -> Cost:
        """What the next item counts for."""
        return 1.0 if self.costs is None else self.costs[self.offset]


class Chunk:
    """
    Items in a worker's hands.

    The worker takes them from a queue one by one; what it has not taken can be taken back at any time. Both are atomic, so
    neither needs a lock. ``len(values)`` is what the worker is at, or has failed in.

    Attributes
    ----------
    n_items : int
        How many it has, without those that were taken back.
    claimed : list
        The first item, where its worker took it before it says that it begins.
    values : list
        What the items up to now returned.
    stamps : array of float
        When each of these began, and when the last one ended; what is behind that means nothing.
    has_failed : bool
        Whether it ended with an item that failed.
    n_handed_over : int
        How many of the values have left.
    is_abandoned : bool
        Whether nobody waits for what is left of it.
    """

    __slots__ = (
        "admitted", "attempts", "began", "claimed", "costs", "has_failed", "is_abandoned", "items", "n_handed_over", "n_items", "queue", "stage",
        "stamps", "start", "timer", "values",
    )  # fmt: skip

    def __init__(self, stage: Stage, batch: Batch, items: Sequence[Any], costs: Sequence[Cost] | None, now: float) -> None:
        self.stage: Stage = stage
        self.start: int = batch.start
        self.items: Sequence[Any] = items
        self.n_items: int = len(items)
        self.queue: Queue = Queue(items)
        self.admitted: float = batch.admitted
        self.attempts: int = batch.attempts
        self.began: float | None = batch.began
        self.costs: Sequence[Cost] | None = costs
        self.claimed: list[Any] = []
        self.values: list[Any] = []
        self.stamps: array[float] = array("d", (now,)) * (len(items) + 1)
        self.has_failed: bool = False
        self.n_handed_over: int = 0
        self.is_abandoned: bool = False
        self.timer: Timer | None = None

    def run(self, loop: Loop) -> BaseException | None:
        """
        Call the function for each item; return the error of one that failed, or None when nothing is left that may begin now.

        It runs in a worker, under no lock.
        """
        return loop(self.stage.call, self.paid_queue(), self.values, self.stamps)

    def paid_queue(self) -> Row:
        """Return the queue, as far as the limiter allows, to which the item that was claimed is paid."""
        limiter = self.stage.limiter
        return self.queue if limiter is None else PaidQueue(self, limiter)

    def claim(self) -> bool:
        """Take the first item, so that nobody takes it back from now on; return whether that came in time."""
        try:
            self.claimed.append(self.queue.popleft())
        except IndexError:
            return False
        return True

    def take_all(self) -> list[Any]:
        """Return the items, for a worker that takes them together."""
        start, stop = self.queue.take_all()
        return [*self.claimed, *self.items[start:stop]]

    def take_back(self) -> Batch:
        """Return what the worker has not taken, and will not."""
        start, stop = self.queue.take_all()
        if start < stop:
            self.n_items = start
        return self._batch(start, stop)

    def what_is_left(self) -> Batch:
        """Return what has not begun, after the worker's last touch."""
        return self._batch(self.n_ended, self.n_items)

    def _batch(self, first: int, stop: int) -> Batch:
        return Batch(self.start + first, self.items[first:stop], self.admitted, self.attempts, self.began, self.costs and self.costs[first:stop])

    def single(self, position: int) -> Chunk:
        """Return one of its items as a chunk by itself, begun when this one was."""
        return self._batch(position, position + 1).cut(1, self.stage, self.stamps[0])

    def all_but(self, single: Chunk | None) -> list[Batch]:
        """Return its items, without a single one, from behind."""
        cut = self.n_items if single is None else single.start - self.start
        return [self._batch(cut + 1, self.n_items), self._batch(0, cut)]

    def one_by_one(self) -> list[Batch]:
        """Return its items each by itself, from behind."""
        return [self._batch(position, position + 1) for position in reversed(range(self.n_items))]

    @property
    def n_ended(self) -> int:
        """How many items have ended, one way or the other."""
        return len(self.values) + self.has_failed

    def hand_over(self) -> Block | None:
        """Return what is done and has not left yet; the worker may go on."""
        first, stop = self.n_handed_over, len(self.values)  # the worker puts the stamp first
        if stop == first:
            return None
        self.n_handed_over = stop
        if stop - first == len(self.items):
            values, stamps = self.values, self.stamps
        else:
            values, stamps = self.values[first:stop], self.stamps[first : stop + 1]
        return Block(self.start + first, values, None, None, self.attempts + 1, self.admitted, self.began, stamps)

    def typical_seconds(self) -> float:
        """Return what an item took: the median of some, which knows nothing of the one during which the thread had to wait for its CPU."""
        stamps, n_items = self.stamps, self.n_ended
        seconds = sorted([stamps[i + 1] - stamps[i] for i in range(0, n_items, n_items // N_SAMPLES + 1)])
        return seconds[len(seconds) // 2] if seconds else 0.0

    # --- The item that is next, or failed, or took too long -----------------------------------------------------------

    @property
    def position(self) -> int:
        """Where it is in the chunk."""
        return 0 if self.is_abandoned else len(self.values)  # a chunk that is abandoned for its item's sake has one

    @property
    def index(self) -> int:
        """Its index."""
        return self.start + self.position

    @property
    def cost(self) -> Cost:
        """What it counts for before a limiter."""
        return self.cost_at(self.position)

    def cost_at(self, position: int) -> Cost:
        """Return what another counts for."""
        return 1.0 if self.costs is None else self.costs[position]

    @property
    def first_began(self) -> float:
        """When its first attempt began."""
        return self.stamps[self.position] if self.began is None else self.began

    def again(self) -> Batch:
        """Return it for its next attempt."""
        costs = None if self.costs is None else [self.cost]
        return Batch(self.index, [self.items[self.position]], self.admitted, self.attempts + 1, self.first_began, costs)

    def outcome(self, now: float, value: Any = None, error: BaseException | None = None) -> Block:
        """Return what came of it: an error, or a value in its place."""
        item, values = (None, [value]) if error is None else (self.items[self.position], [])
        stamps = [self.stamps[self.position], now]
        return Block(self.index, values, error, item, self.attempts + 1, self.admitted, self.first_began, stamps)


@dataclass(slots=True)
class Block:
    """
    What came of some items in a row: their values, or the failure of one.

    Attributes
    ----------
    start : int
        Index of the first item.
    values : list
        What they returned; empty for a failure.
    error : BaseException or None
        The failure.
    item : object
        What the item that failed was.
    attempts : int
        How many were made for each.
    admitted, began : float or None
        When they came in, and when the first attempt began if there was more than one.
    stamps : list of float
        When each attempt began, and when the last one ended.
    """

    start: int
    values: list[Any]
    error: BaseException | None
    item: Any
    attempts: int
    admitted: float
    began: float | None
    stamps: Sequence[float]

    def __len__(self) -> int:
        """Return how many items it tells of."""
        return 1 if self.error is not None else len(self.values)

    def duration(self, position: int) -> float:
        """Return the seconds from an item's first beginning to its last end."""
        return self.stamps[position + 1] - (self.stamps[position] if self.began is None else self.began)

    def queued(self, position: int) -> float:
        """Return the seconds for which an item waited for its first beginning."""
        return (self.stamps[position] if self.began is None else self.began) - self.admitted
