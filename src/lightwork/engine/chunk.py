"""Items on their way: waiting, in a worker's hands, done."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    costs: Sequence[float] | None = None
    offset: int = 0

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self.items) - self.offset

    def cut(self, n_items: int, stage: Stage, now: float) -> Chunk:
        """Take the first items out, for a worker that begins now."""
        stop = self.offset + n_items
        chunk = Chunk(stage, self, self.items[self.offset : stop], now)
        self.start += n_items
        self.offset = stop
        return chunk

    @property
    def cost(self) -> float:
        """What the next item counts for."""
        return 1.0 if self.costs is None else self.costs[self.offset]


class Chunk:
    """
    Items in a worker's hands.

    The worker takes them from the left of a queue one by one; what it has not begun can be taken back from the right at any time. Both
    are atomic, so neither needs a lock: ``start + len(values)`` is what the worker is at, or has failed in.

    Attributes
    ----------
    values : list
        What the items up to now returned.
    stamps : list of float
        When each of them began, and when the last one ended.
    n_handed_over : int
        How many of the values have left.
    is_abandoned : bool
        Whether nobody waits for what is left of it.
    """

    __slots__ = (
        "admitted", "attempts", "began", "cost", "is_abandoned", "items", "n_handed_over", "queue", "stage", "stamps", "start", "timer", "values",
    )  # fmt: skip

    def __init__(self, stage: Stage, batch: Batch, items: Sequence[Any], now: float) -> None:
        self.stage: Stage = stage
        self.start: int = batch.start
        self.items: Sequence[Any] = items
        self.queue: deque[Any] = deque(items)
        self.admitted: float = batch.admitted
        self.attempts: int = batch.attempts
        self.began: float | None = batch.began
        self.cost: float = batch.cost
        self.values: list[Any] = []
        self.stamps: list[float] = [now]
        self.n_handed_over: int = 0
        self.is_abandoned: bool = False
        self.timer: Timer | None = None

    def run(self, now: Callable[[], float]) -> BaseException | None:
        """
        Call the function for each item; return the error of one that failed, or None when nothing is left.

        It runs in a worker, under no lock.
        """
        call, queue, take = self.stage.call, self.queue, self.queue.popleft
        keep, stamp = self.values.append, self.stamps.append
        while queue:
            try:
                item = take()
            except IndexError:  # what was left has just been taken back
                break
            try:
                keep(call(item))
            except BaseException as error:  # a SystemExit too is the item's own failure
                stamp(now())
                return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
            stamp(now())
        return None

    def take_back(self) -> list[Any]:
        """Return the items that the worker has not begun, and will not."""
        items: list[Any] = []
        try:
            while True:
                items.append(self.queue.pop())
        except IndexError:
            items.reverse()
            return items

    def hand_over(self) -> Block | None:
        """Return what is done and has not left yet, while the worker goes on."""
        first, stop = self.n_handed_over, min(len(self.values), len(self.stamps) - 1)  # the worker adds the value first
        if stop <= first:
            return None
        self.n_handed_over = stop
        return self._block(self.start + first, self.values[first:stop], self.stamps[first : stop + 1])

    def hand_in(self) -> Block | None:
        """Return what is done and has not left yet, after the worker's last touch."""
        if self.n_handed_over:
            return self.hand_over()
        return self._block(self.start, self.values, self.stamps) if self.values else None

    def _block(self, start: int, values: list[Any], stamps: list[float]) -> Block:
        return Block(start, values, None, None, self.attempts + 1, self.admitted, self.began, stamps)

    def typical_seconds(self) -> float:
        """Return what an item took: the median of some, which knows nothing of the one during which the thread had to wait for its CPU."""
        stamps = self.stamps
        n_items = len(stamps) - 1
        seconds = sorted([stamps[i + 1] - stamps[i] for i in range(0, n_items, n_items // N_SAMPLES + 1)])
        return seconds[len(seconds) // 2] if seconds else 0.0

    # --- The item that failed, or took too long ---------------------------------------------------------------------

    @property
    def position(self) -> int:
        """Where it is in the chunk."""
        return 0 if self.is_abandoned else len(self.values)  # a chunk that is abandoned for its item's sake has one

    @property
    def index(self) -> int:
        """Its index."""
        return self.start + self.position

    @property
    def first_began(self) -> float:
        """When its first attempt began."""
        return self.stamps[self.position] if self.began is None else self.began

    def again(self) -> Batch:
        """Return it for its next attempt."""
        return Batch(self.index, [self.items[self.position]], self.admitted, self.attempts + 1, self.first_began, [self.cost])

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
