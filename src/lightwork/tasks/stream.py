"""A function over items: each result when it is there."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeVar, Unpack
from weakref import WeakSet

from lightwork.engine.chunk import Block
from lightwork.engine.stage import Stage
from lightwork.tasks.drive import Drive, Driven, one_stage
from lightwork.tasks.ends import raise_early_end
from lightwork.tasks.feed import Feed
from lightwork.tasks.listeners import Listeners, item_results
from lightwork.tasks.notes import add_note, item_note
from lightwork.tasks.options import Options, StreamOptions
from lightwork.tasks.results import ItemResult

__all__ = ["Order", "parallel_iter", "read", "stream", "stream_of"]

T = TypeVar("T")


def parallel_iter(fn: Callable[..., T], items: Iterable[Any], **options: Unpack[StreamOptions]) -> Iterator[ItemResult[T]]:
    """
    Call a function for each item, many at a time, and yield what came of each.

    Parameters
    ----------
    fn : callable
        Takes an item.
    items : iterable
        Also an endless one. It is read in the thread that asks for results, and never further ahead than the `window`.
    ordered : bool, default False
        Whether results come in the order of their items, or as they are done.
    window : int, optional
        How many items may be unfinished, or finished and not yet read, at a time; `batch_size` is another word for it. Default: two chunks for each
        worker, and so twice `workers` for items that take some time.
    **options
        As of :func:`parallel_map`. With ``errors="raise"`` the first failure ends the stream and is raised.

    Yields
    ------
    ItemResult
        Of each item. Nothing of it is kept here.

    Raises
    ------
    TypeError, ValueError
        If an option is wrong; at once, not with the first result.
    TimedOut, Aborted
        After the last result, if `timeout` or `max_errors` ended the stream. One that is stopped just ends.

    Notes
    -----
    Nothing begins before the first result is asked for. Leaving a loop over it, or ``close()``, ends the run:
    nothing more begins, and what is running is not waited for. What the
    source raises is raised after the results of the items before it, and what a callback raises after those of all that was done by then.
    One thread at a time may ask for results.

    Examples
    --------
    >>> import itertools
    >>> import lightwork as lw
    >>> for result in lw.parallel_iter(str, itertools.count(), ordered=True):
    ...     if result.value == "3":
    ...         break
    >>> result
    ItemResult(3, value='3', attempts=1)
    """
    return stream_of(fn, items, Options.of("parallel_iter", options, ordered=False))


def stream_of(fn: Callable[..., Any], items: Iterable[Any], options: Options) -> Iterator[ItemResult[Any]]:
    """Stream what comes of a function."""
    return stream(one_stage(fn, options), items, options)


def stream(stages: Sequence[Stage], items: Iterable[Any], options: Options) -> Iterator[ItemResult[Any]]:
    """Check everything now, and begin with the first result that is asked for."""
    results = _results(stages, Feed.of(items, options), options)
    _streams.add(results)
    return results


_streams: WeakSet[Generator[ItemResult[Any], None, None]] = WeakSet()


def close_streams() -> None:
    """At exit, before the threads take no more work: leave what nobody has left, which could not do so when modules are empty."""
    for results in list(_streams):
        with contextlib.suppress(ValueError):  # another thread is at it
            results.close()


atexit.register(close_streams)


def _results(stages: Sequence[Stage], feed: Feed, options: Options) -> Generator[ItemResult[Any], None, None]:
    listeners = Listeners(options)
    drive = Drive(stages, feed, options, wants_results=True, waits_for_reader=True)
    order = Order(is_ordered=options.ordered)
    try:
        with listeners.follow(drive):
            for block in drive.blocks(listeners.due):
                if (error := listeners.try_to_tell(drive, block)) is not None:
                    drive.close(error)  # what is done already is read before it is raised
                for following in order.next(block):
                    yield from read(drive, following, options)
                    drive.read(following)
        for following in order.rest():
            yield from read(drive, following, options)
        raise_early_end(drive.run, listeners.failure)
    finally:
        drive.close()


def read(drive: Driven, block: Block, options: Options) -> list[ItemResult[Any]]:
    """Return what came of each item of a block, or raise if failures are to be raised; forget what the items are called."""
    keys = drive.feed.keys
    if block.error is not None:
        item = block.item if options.rng is None else block.item[1]
        add_note(block.error, item_note(block.start, key=keys.get(block.start), arguments={block.start: item}, attempts=block.attempts))
        if options.errors == "raise":
            raise block.error
    results = item_results(block, keys)
    for index in range(block.start, block.start + len(block)) if keys else ():
        del keys[index]
    return results


class Order:
    """
    Puts blocks in the order of their items, as they come.

    Parameters
    ----------
    is_ordered : bool
        If not, it leaves them as they come.
    """

    def __init__(self, *, is_ordered: bool) -> None:
        self._is_ordered = is_ordered
        self._early: dict[int, Block] = {}
        self._start = 0

    def next(self, block: Block | None) -> Iterator[Block]:
        """Yield what is next, now that this one is there."""
        if block is not None and self._is_ordered:
            self._early[block.start] = block
        elif block is not None:
            yield block
        while self._start in self._early:
            following = self._early.pop(self._start)
            self._start += len(following)
            yield following

    def rest(self) -> Iterator[Block]:
        """Yield, in the end, what is behind items of which nothing came."""
        for start in sorted(self._early):
            yield self._early.pop(start)
