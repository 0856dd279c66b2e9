"""One run over items as a state machine without I/O: events come in with the time, and it answers what to do."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal

from lightwork.engine.chunk import Batch, Block, Chunk
from lightwork.engine.grain import Grain
from lightwork.engine.hands import Hands
from lightwork.engine.repeats import Repeats
from lightwork.engine.stage import Stage
from lightwork.engine.timers import Timers
from lightwork.engine.verdict import Verdict
from lightwork.policies.turnstile import Cost

__all__ = ["Run", "Status"]

Status = Literal["completed", "timed out", "aborted", "cancelled"]


class Run:
    """
    What is to be done, is being done and was done, and what is due when.

    Parameters
    ----------
    stages : sequence of Stage
        What each item passes, in order.
    n_workers : int
        How many chunks may be in workers' hands at a time.
    window : int, optional
        How many items may be unfinished or unread at a time. None: two chunks per worker.
    chunk_size : int, optional
        How many items a worker takes at a time; None: as many as `grain` finds out.
    deadline : float, default inf
        When the run ends, whatever is unfinished.
    task_timeout : float, optional
        Seconds after which an attempt has failed.
    max_errors : int, optional
        How many failed items end the run.
    fails_fast : bool
        Whether that leaves alone what is in workers' hands.
    waits_for_reader : bool
        Whether what is done counts until it is :meth:`read`.
    random : Random, optional
        Draws which of the items that could begin does, where an order by lot is wanted.
    grain : Grain, optional
        What finds out how many those are. Default: as many as take about 200 µs.
    wake : callable
        What a limiter calls when the front of its line may ask again.

    Attributes
    ----------
    finished : deque of Block
        What is done, in the order in which it was; emptied by the reader.
    late : deque of Chunk
        Attempts that took too long; each is to be judged, under no lock, and reported by :meth:`end_late`.
    workers_pay : bool
        Whether who runs a chunk asks the limiter itself for all items but the first; if not, each goes by itself where there is one.
    status : str or None
        How the run ended; None as long as it goes on.
    reason : object
        Why it ended early.

    Notes
    -----
    Not thread-safe: whoever drives it sees to that. Each admitted item ends up in exactly one block, or nowhere if the run
    ends early. ``unfinished + unread <= window``, at all times.
    """

    def __init__(  # noqa: PLR0913 - each of these may be missing, and none belongs to another
        self,
        stages: Sequence[Stage],
        n_workers: int,
        *,
        window: int | None = None,
        chunk_size: int | None = None,
        deadline: float = math.inf,
        task_timeout: float | None = None,
        max_errors: int | None = None,
        fails_fast: bool = False,
        waits_for_reader: bool = False,
        random: Random | None = None,
        grain: Grain | None = None,
        wake: Callable[[], object] = lambda: None,
    ) -> None:
        self.stages = stages
        self.deadline = deadline
        self.finished: deque[Block] = deque()
        self.status: Status | None = None
        self.reason: object = None
        self.is_exhausted: bool = False
        self.source_error: BaseException | None = None
        self.n_admitted: int = 0
        self.n_finished: int = 0
        self.n_failed: int = 0
        self.n_retried: int = 0
        self.workers_pay: bool = False
        self.timers: Timers = Timers()
        self._window = window
        self._hands = Hands(n_workers)
        self.late: deque[Chunk] = self._hands.late
        # An order that is drawn from a seed depends on no time.
        self._grain = Grain(chunk_size or 1) if random is not None else grain or Grain(chunk_size)
        self._task_timeout = task_timeout
        self._max_errors = max_errors
        self._fails_fast = fails_fast
        self._waits_for_reader = waits_for_reader
        self._random = random
        self._wake = wake
        self._n_open = 0
        self._repeats = Repeats(self.timers)
        if deadline < math.inf:
            self.timers.set(deadline, self._time_is_up)

    # --- The source -------------------------------------------------------------------------------------------------

    @property
    def n_wanted(self) -> int:
        """How many items may be admitted."""
        if self.is_exhausted or self.status is not None:
            return 0
        return max(self.window - self._n_open, 0)

    @property
    def n_workers(self) -> int:
        """How many chunks may be in workers' hands at a time."""
        return self._hands.n_workers

    @property
    def n_throttled(self) -> int:
        """How often a limiter has held it up."""
        return sum(stage.toll.n_held_up for stage in self.stages if stage.toll is not None)

    @property
    def window(self) -> int:
        """How many items may be unfinished or unread."""
        return self._window or self._grain.window(self.n_workers)

    @property
    def is_hungry(self) -> bool:
        """Whether it is time to admit more: there is nothing left to begin, or room for a good part of what there may be."""
        n_wanted = self.n_wanted
        return n_wanted > 0 and (n_wanted * 4 >= self.window or not any(stage.n_ready for stage in self.stages))

    def admit(self, items: Sequence[Any], now: float, costs: Sequence[Cost] | None = None) -> None:
        """Let items in; they wait for their turn, which does not come where the run was stopped while the source was at it."""
        if items and self.status is None:
            for batch in self._batches(items, now, costs):
                self.stages[0].add(batch)
            self._n_open += len(items)
        self.n_admitted += len(items)
        self._settle(now)

    def _batches(self, items: Sequence[Any], now: float, costs: Sequence[Cost] | None) -> list[Batch]:
        """Return items together; or each by itself, where they are to be drawn."""
        if self._random is None:
            return [Batch(self.n_admitted, items, now, costs=costs)]
        return [Batch(self.n_admitted + i, [item], now, costs=costs and costs[i : i + 1]) for i, item in enumerate(items)]

    def exhaust(self, now: float, error: BaseException | None = None) -> None:
        """Note that there are no more items, because the source has ended or failed; those that are in come to their end."""
        self.is_exhausted = True
        self.source_error = error
        self._settle(now)

    def widen(self, window: int | None) -> None:
        """Let another number of items be unfinished or unread at a time."""
        self._window = window

    def make_room(self, n_items: int, window: int | None) -> None:
        """Let so many more items in, as far as a window allows."""
        self._window = min(self._n_open + n_items, window or sys.maxsize)

    # --- Workers ----------------------------------------------------------------------------------------------------

    @property
    def is_at_rest(self) -> bool:
        """Whether no worker has anything in hand that is waited for."""
        return self._hands.are_empty

    @property
    def is_free(self) -> bool:
        """Whether no worker has anything in hand at all."""
        return self._hands.are_all_free

    def employ(self, n_workers: int, grain: Grain | None = None) -> None:
        """Have another number of workers, who take as many items at a time as a grain of theirs finds out."""
        self._hands.n_workers = n_workers
        if grain is not None:
            self._grain = grain
            self.workers_pay = False

    @property
    def n_startable(self) -> int:
        """How many more workers would find something to begin, as far as that can be told without asking a limiter."""
        if self.status is not None:
            return 0
        n_chunks = 0
        for stage in self.stages:
            if stage.is_open:
                n_chunks += int(min(stage.n_free, 1 if stage.limiter else -(-stage.n_ready // self._share_of(stage))))
        return max(min(n_chunks, self._hands.n_free), 0)

    @property
    def n_running(self) -> int:
        """How many workers have something in hand."""
        return self._hands.n_running

    def take(self, now: float) -> Chunk | None:
        """Give a worker something to begin at once, or nothing: then it is called when there is."""
        if self.status is not None or self._hands.n_free <= 0:
            return None
        for stage in reversed(self.stages):  # what is nearly done goes first
            if stage.is_open and stage.n_free > 0 and self._lets_in(stage, now):
                return self._begin(stage, now)
        return None

    def has_begun(self, chunk: Chunk, now: float) -> None:
        """Note that the limiter knows when a chunk began: now, and only now, it can be told whether there is room for another."""
        toll = chunk.stage.toll
        if toll is not None and toll.leader is chunk:
            toll.has_begun(chunk, chunk.stage.next_cost, now, self.timers)
        self._settle(now)

    def end(self, chunk: Chunk, now: float, verdict: Verdict | None = None) -> None:
        """Take a chunk back from a worker; with what becomes of the item that it failed in, if it did."""
        self._settle(now)  # what was due before comes first, such as the end of this chunk's time
        self._hands.put_down(chunk)
        if not chunk.is_abandoned:
            self.timers.cancel(chunk.timer)
            chunk.has_failed = verdict is not None
            self._collect(chunk.hand_over(), chunk.stage)
            if verdict is not None:
                self._follow(verdict, chunk, now)
            self._give_back(chunk.what_is_left(), chunk.stage)
            self._grain.learn(chunk.typical_seconds())
        self._settle(now)

    def is_unwanted(self, chunk: Chunk, now: float) -> bool:
        """Whether nobody waits for what a chunk brings; from any thread, also where nobody has looked at the clock meanwhile."""
        if chunk.is_abandoned or self.status is not None or now >= self.deadline:
            return True
        return self._task_timeout is not None and chunk.timer is not None and now >= chunk.timer.due

    def lose(self, chunk: Chunk, victim: Chunk | None, now: float, verdict: Verdict | None, *, apart: bool = False) -> None:
        """Take a chunk back whose worker was lost with all that it had done of it: of one item, or of none of them, which then may be run apart."""
        self._hands.put_down(chunk)
        if not chunk.is_abandoned:
            self.timers.cancel(chunk.timer)
            if victim is not None and verdict is not None:
                self._follow(verdict, victim, now)
            for batch in chunk.one_by_one() if apart and victim is None else chunk.all_but(victim):
                self._give_back(batch, chunk.stage)
        self._settle(now)

    def end_late(self, chunk: Chunk, verdict: Verdict, now: float) -> None:
        """Note what becomes of an item of :attr:`late`."""
        self._hands.judged()
        self._follow(verdict, chunk, now)
        self._settle(now)

    def due(self, now: float) -> None:
        """Do what is due."""
        self.timers.run(now)
        self._settle(now)

    def ask_again(self, now: float) -> None:
        """Note that limiters may give another answer."""
        for stage in self.stages:
            if stage.toll is not None:
                stage.toll.ask_again(self.timers)
        self._settle(now)

    # --- The reader -------------------------------------------------------------------------------------------------

    def read(self, n_items: int, now: float) -> None:
        """Note that so many results were read, which makes room for as many items."""
        self._n_open -= n_items
        self._settle(now)

    def stop(self, status: Status, now: float, reason: object = None, *, abandon: bool = False) -> None:
        """
        End the run: nothing begins any more, and the source is left alone.

        What is in workers' hands comes to its end; with `abandon` nobody waits for that, and what is done so far is all there will be.
        """
        if self.is_over:
            return
        if self.status is None:
            self.status = status
            self.reason = reason
            self._forget_what_waits(now)
        if abandon:
            for chunk in self._hands:
                self._collect(chunk.hand_over(), chunk.stage)
                self._hands.abandon(chunk)
                self.timers.cancel(chunk.timer)
            self._hands.forget_late()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        if self.status is not None:
            return self._hands.are_empty
        return self.is_exhausted and self.n_finished == self.n_admitted

    # --- Inside: what begins ----------------------------------------------------------------------------------------

    def _share_of(self, stage: Stage) -> int:
        """Return how many items of a stage a worker takes at a time."""
        goes_by_one = self._task_timeout is not None or self._random or (stage.limiter and not self.workers_pay)
        return 1 if goes_by_one else self._grain.share(stage.n_ready)

    def _lets_in(self, stage: Stage, now: float) -> bool:
        return stage.toll is None or stage.toll.lets_in(stage.ready[0].cost, now, self.timers, self._wake)

    def _begin(self, stage: Stage, now: float) -> Chunk:
        batch = self._next_batch(stage)
        chunk = batch.cut(min(self._share_of(stage), len(batch)), stage, now)
        if not len(batch):
            stage.ready.popleft()
        stage.n_ready -= len(chunk.items)
        self._hands.take(chunk)
        if stage.toll is not None and self.workers_pay:
            stage.toll.leader = chunk
        self._watch(chunk, now)
        return chunk

    def _next_batch(self, stage: Stage) -> Batch:
        """Return the batch whose turn it is, in front of all."""
        if self._random is not None and stage.limiter is None:
            stage.ready.rotate(self._random.randrange(len(stage.ready)))
        return stage.ready[0]

    def _watch(self, chunk: Chunk, now: float) -> None:
        if self._task_timeout is not None:
            chunk.timer = self.timers.set(now + self._task_timeout, self._item_is_late, chunk)
        elif len(chunk.items) > 1:
            chunk.timer = self.timers.set(now + self._grain.overdue_seconds, self._chunk_is_late, chunk)

    # --- Inside: what is late ---------------------------------------------------------------------------------------

    def _time_is_up(self, _: object, now: float) -> None:
        self.stop("timed out", now, abandon=True)

    def _item_is_late(self, chunk: Chunk, _now: float) -> None:
        """Let an attempt fail that takes too long; it may go on, but nobody waits for it."""
        self._hands.abandon_late(chunk)

    def _chunk_is_late(self, chunk: Chunk, _now: float) -> None:
        """Hand over what is done of a chunk that takes longer than others did, and let others have what its worker has not begun."""
        chunk.stage.pass_on(chunk)
        self._grain.halve()
        self._collect(chunk.hand_over(), chunk.stage)
        self._give_back(chunk.take_back(), chunk.stage)

    # --- Inside: what ends ------------------------------------------------------------------------------------------

    def _give_back(self, batch: Batch, stage: Stage) -> None:
        """Let what a worker has not begun wait again, before all others."""
        if len(batch) and self.status is None:
            stage.add(batch, first=True)

    def _collect(self, block: Block | None, stage: Stage) -> None:
        """Take over what succeeded: it goes on to the next stage, or to the reader."""
        if block is None:
            return
        if stage.index + 1 == len(self.stages):
            self._finish(block)
        elif self.status is None:
            self.stages[stage.index + 1].add(Batch(block.start, block.values, block.admitted))

    def _finish(self, block: Block) -> None:
        self.finished.append(block)
        self.n_finished += len(block)
        if not self._waits_for_reader:
            self._n_open -= len(block)

    def _follow(self, verdict: Verdict, chunk: Chunk, now: float) -> None:
        """Let an item that failed have its next attempt, or its end."""
        if verdict.delay is not None and self.status is None:
            self._repeats.add(chunk.stage, chunk.again(), now + verdict.delay)
            self.n_retried += 1
        elif verdict.error is None:
            self._collect(chunk.outcome(now, verdict.value), chunk.stage)
        else:
            self._finish(chunk.outcome(now, error=verdict.error))
            self.n_failed += 1
            if self.n_failed == self._max_errors:
                self.stop("aborted", now, f"{self.n_failed} items failed", abandon=self._fails_fast)

    def _settle(self, now: float) -> None:
        """Let those that were sent behind the others have their turn, if no others are left or can be let in."""
        if self._repeats and not any(stage.n_ready for stage in self.stages) and not self.n_wanted:
            self._repeats.release()
        if self.timers.next_due <= now:
            self.timers.run(now)

    def _forget_what_waits(self, now: float) -> None:
        self.timers.clear()
        if now < self.deadline < math.inf:
            self.timers.set(self.deadline, self._time_is_up)
        self._repeats.clear()
        for stage in self.stages:
            stage.clear()
        for chunk in self._hands:
            chunk.take_back()
