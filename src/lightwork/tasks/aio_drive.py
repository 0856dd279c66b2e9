"""One call of an async function over items, driven in an event loop by the coroutine that makes it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from typing import Any, Protocol

from lightwork._clock import Clock, LoopWaker, clock
from lightwork._errors import Cancelled, TimedOut
from lightwork.engine.account import Account
from lightwork.engine.chunk import Block, Chunk
from lightwork.engine.run import Run
from lightwork.engine.stage import Stage
from lightwork.engine.verdict import Refusal, Verdict, judge
from lightwork.executors.stealing import default_workers
from lightwork.tasks.calls import Entrance
from lightwork.tasks.decision import Decision
from lightwork.tasks.feed import Batch, Feed
from lightwork.tasks.options import Options

__all__ = ["AsyncDrive", "AsyncFeed", "Source", "source_of"]


class Source(Protocol):
    """Where items come from, in an event loop."""

    n_items: int | None
    keys: dict[int, Any]

    async def take_async(self, n_items: int, is_stopped: Callable[[], object]) -> Batch:
        """Return the next items, at most so many."""
        ...


class AsyncFeed:
    """
    Takes items from an asynchronous source, one at a time.

    Parameters
    ----------
    items : async iterable
        The source.
    options : Options
        Which say what is to be found out about each.
    """

    def __init__(self, items: AsyncIterable[Any], options: Options) -> None:
        self._iterator = aiter(items)
        self._feed = Feed.of((), options)  # knows what to find out
        self.n_items: int | None = None
        self.keys: dict[int, Any] = self._feed.keys

    async def take_async(self, n_items: int, is_stopped: Callable[[], object]) -> Batch:  # noqa: ARG002 - it is one, and asked for before any stop
        """Return the next item."""
        try:
            item = await anext(self._iterator)
        except StopAsyncIteration:
            return Batch([], is_last=True)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():  # for the source is to be left alone
                raise
            return Batch([], is_last=True, error=_as_failure(error, "the source"))
        except BaseException as error:
            return Batch([], is_last=True, error=error)
        return self._feed.prepared([item], 1)


def source_of(items: Iterable[Any] | AsyncIterable[Any], options: Options) -> Source:
    """Return what takes from an iterable of either kind."""
    return AsyncFeed(items, options) if isinstance(items, AsyncIterable) else Feed.of(items, options)


class AsyncDrive:
    """
    Lets items in, runs each attempt as a task of the loop, and yields what comes of them.

    Parameters
    ----------
    stages : sequence of Stage
        What each item passes; the functions return awaitables.
    feed : Source
        The items.
    options : Options
        All of the call's.
    waits_for_reader : bool
        Whether what is done and not read keeps other items out.
    """

    def __init__(self, stages: Sequence[Stage], feed: Source, options: Options, *, waits_for_reader: bool) -> None:
        self.clock: Clock = clock()
        self.feed = feed
        self.decision: Decision | None = None  # there is one event loop
        n_workers = options.workers or default_workers()
        self.run: Run = Run(
            stages,
            min(n_workers, options.max_in_flight or n_workers),
            window=options.window or 2 * n_workers,
            chunk_size=1,
            deadline=options.deadline(self.clock.now()),
            task_timeout=options.seconds_per_item,
            max_errors=1 if options.errors == "raise" else options.max_errors,
            fails_fast=options.errors == "raise",
            waits_for_reader=waits_for_reader,
            wake=self._poke,
        )
        self._account = Account(self.run)
        self._enter = Entrance(self.run, self.clock, options.on_report)
        self._token = options.stop
        self._waker = LoopWaker()  # of who drives
        self._news = LoopWaker()  # for the reader
        self._keeper: asyncio.Task[None] | None = None
        self._is_poked = True  # the token may be stopped already
        self._tasks: dict[Chunk, asyncio.Task[None]] = {}
        self._pull: asyncio.Task[Batch] | None = None
        self._unsubscribe = options.stop.on_stop(self._poke) if options.stop is not None else None

    async def blocks(self, due: Callable[[], float | None]) -> AsyncGenerator[Block | None, None]:
        """Yield what is done as it comes, or None when `due` has come."""
        finished = self.run.finished
        self._keeper = asyncio.ensure_future(self._keep())
        while not self.run.is_over or finished:
            if finished:
                yield finished.popleft()
                continue
            when = due()
            await self.clock.sleep_async(self._news, math.inf if when is None else when - self.clock.now())
            if self._keeper.done():
                self._keeper.result()
            if when is not None and not finished:
                yield None

    def read(self, block: Block) -> None:
        """Note that what a block tells was read."""
        self.run.read(len(block), self.clock.now())
        self._waker.wake()

    async def close(self, error: BaseException | None = None) -> None:
        """End the run: cancel what is running, and wait until it has noticed."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        self.run.stop("cancelled", self.clock.now(), error, abandon=True)
        tasks: list[asyncio.Task[Any]] = [task for task in (*self._tasks.values(), self._pull, self._keeper) if task is not None]
        for task in tasks:
            _cancel(task)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._account.settle()

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _poke(self) -> None:
        """Have limiters and the token looked at again; from any thread."""
        self._is_poked = True
        self._waker.wake()

    async def _keep(self) -> None:
        """Drive the run, also while its reader is busy."""
        while not self.run.is_over:
            self._get_on()
            if self.run.finished or self.run.is_over:
                self._news.wake()
            await self.clock.sleep_async(self._waker, self.run.timers.next_due - self.clock.now())
        self._news.wake()

    def _get_on(self) -> None:
        """Do all that can be done without waiting."""
        now = self.clock.now()
        if self._is_poked:
            self._is_poked = False
            if self._token is not None and self._token.is_stopped:
                self.run.stop("cancelled", now, self._token.reason)
            self.run.ask_again(now)
        self.run.due(now)
        self._end_late(now)
        if self.run.status is not None:
            self._leave_alone()
        elif self.run.is_hungry and self._pull is None:
            self._pull = asyncio.ensure_future(self.feed.take_async(self.run.n_wanted, self._is_stopped))
            self._pull.add_done_callback(self._admit)
        while (chunk := self.run.take(now)) is not None:
            self._tasks[chunk] = asyncio.ensure_future(self._attempt(chunk))

    def _is_stopped(self) -> bool:
        return self.run.status is not None

    def _leave_alone(self) -> None:
        """After a stop: touch the source no more, and cancel what nobody waits for."""
        if self._pull is not None:
            _cancel(self._pull)
        for chunk, task in self._tasks.items():
            if chunk.is_abandoned:
                _cancel(task)

    def _admit(self, pull: asyncio.Task[Batch]) -> None:
        self._pull = None
        if not pull.cancelled():
            batch = pull.result()
            self._account.settle()  # a stream may never end
            self.run.admit(batch.items, self.clock.now(), batch.costs)
            if batch.is_last:
                self.run.exhaust(self.clock.now(), batch.error)
        self._waker.wake()

    def _end_late(self, now: float) -> None:
        while self.run.late:
            chunk = self.run.late.popleft()
            if chunk in self._tasks:
                _cancel(self._tasks[chunk])
            self.run.end_late(chunk, self._judge(chunk, TimedOut("the item took longer than task_timeout"), now), now)

    def _judge(self, chunk: Chunk, error: BaseException, now: float) -> Verdict:
        return judge(chunk, error, now, self.run.deadline, self.feed.keys.get(chunk.index))

    async def _attempt(self, chunk: Chunk) -> None:
        """Make one attempt at one item, in a task of its own."""
        self._enter(chunk)
        error = await self._call(chunk)
        now = self.clock.now()
        chunk.stamps[1] = now
        self.run.due(now)  # if it held up the loop, nobody has kept the time
        verdict = None if error is None or chunk.is_abandoned else self._judge(chunk, error, now)
        if verdict is not None and isinstance(verdict.error, KeyboardInterrupt):  # of the item, or of a hook
            self.run.stop("cancelled", now, verdict.error, abandon=True)
        self.run.end(chunk, now, verdict)
        del self._tasks[chunk]
        self._waker.wake()

    async def _call(self, chunk: Chunk) -> BaseException | None:
        stage = chunk.stage
        chunk.stamps[0] = self.clock.now()
        if not chunk.queue:  # it was stopped before it began
            if stage.limiter is not None:
                stage.limiter.withdraw(chunk.cost)
            return None
        if stage.limiter is not None:
            stage.limiter.started(chunk.stamps[0], chunk.cost)
        try:
            value = await stage.call(chunk.queue.popleft())
            if stage.retry is not None and stage.retry.retry_result is not None and stage.retry.retry_result(value):
                return Refusal(value)
        except asyncio.CancelledError as error:
            return None if chunk.is_abandoned else _as_failure(error, "the item")
        except BaseException as error:  # a SystemExit too is the item's own failure
            return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        chunk.values.append(value)
        return None


def _cancel(task: asyncio.Task[Any]) -> None:
    """Cancel a task, once: a second time would disturb what it does about the first."""
    if not task.cancelling():
        task.cancel()


def _is_being_cancelled() -> bool:
    """Whether the task that runs is to end, and not only something that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _as_failure(error: asyncio.CancelledError, what: str) -> Cancelled:
    """Return what stands for a cancellation that did not come from here; as such it would cancel who reads of it."""
    failure = Cancelled(f"{what} was cancelled by somebody else")
    failure.__cause__ = error
    return failure
