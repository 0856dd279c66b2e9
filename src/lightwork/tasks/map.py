"""A function over items: all results at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar, Unpack, overload

from lightwork._core.inner import inner_threads
from lightwork._core.items import map_items
from lightwork.engine.stage import Stage
from lightwork.executors.serial import INLINE
from lightwork.executors.stealing import default_workers
from lightwork.tasks.calls import check_plain_function
from lightwork.tasks.drive import Drive, one_stage
from lightwork.tasks.ends import conclude
from lightwork.tasks.feed import Feed, is_at_hand
from lightwork.tasks.harvest import Harvest, carry
from lightwork.tasks.listeners import Listeners
from lightwork.tasks.options import MapOptions, Options
from lightwork.tasks.results import MISSING, ParallelResult, RunStatus

__all__ = ["collect", "map_items_of", "parallel_map", "parallel_starmap"]

MOST_WORKERS = 2**16  # more than any pool has, and not too many for the core

T = TypeVar("T")


@overload
def parallel_map(
    fn: Callable[..., T],
    items: Iterable[Any],
    *,
    errors: Literal["collect", "raise"] = ...,
    return_exceptions: Literal[False] = ...,
    **options: Unpack[MapOptions],
) -> ParallelResult[T]: ...
@overload
def parallel_map(
    fn: Callable[..., T], items: Iterable[Any], *, errors: Literal["return"], return_exceptions: bool = ..., **options: Unpack[MapOptions]
) -> list[T | BaseException]: ...
@overload
def parallel_map(
    fn: Callable[..., T],
    items: Iterable[Any],
    *,
    return_exceptions: Literal[True],
    errors: Literal["collect", "return"] = ...,
    **options: Unpack[MapOptions],
) -> list[T | BaseException]: ...
def parallel_map(fn: Callable[..., Any], items: Iterable[Any], **options: Any) -> Any:
    """
    Call a function for each item, many at a time, and return all that came of it.

    Parameters
    ----------
    fn : callable
        Takes an item.
    items : iterable
        Lists, tuples and other sequences, or any iterable, which is read as far ahead as the `window` allows, in the calling thread.
    workers : int, optional
        How many items are in hand at a time. Default: what :func:`lightwork.configure` says, else ``min(32, cpu_budget() + 4)``, for items that
        wait; for processes :func:`cpu_budget`; an executor's own number. 1 runs them in the calling thread, or in one process.
    executor : {"thread", "serial", "process", "auto", "interpreter"}, concurrent.futures.Executor or dask.distributed.Client, default "thread"
        Who calls `fn`: threads that all calls share (so does None, whatever is configured); the calling thread; worker processes, which
        stay warm for other calls; those of the three that a look at the first items makes seem the fastest, which ``result.decision`` tells;
        from Python 3.14 on, subinterpreters; an executor of your own, which is not shut down; or the cluster of a
        client, which is not closed. Where that is not in this process, function, items and values are pickled.
    chunk_size : int, optional
        How many items a worker takes at a time. Default: as many as take some tenths of a millisecond; for processes,
        about 50 ms. Each item fails alone, whatever the size.
    window : int, optional
        How many items may be unfinished at a time; `batch_size` is another word for it. Default: two chunks for each worker.
    max_in_flight : int, optional
        How many calls may run at a time, if fewer than `workers`.
    ordered : bool, default True
        Whether the result presents the items in their order, or as they were done.
    retry : Retry, optional
        Which failures are tried again, and when. Who waits for another attempt holds no worker.
    rate_limit : float, RateLimit or Limiter, optional
        How often attempts may begin: per second, or as told, or shared with others. Paid when an attempt begins.
    cost : float, sequence of float or callable, default 1
        What an item counts for before the limiter; a function takes the item. Where limiters are combined, a sequence has a number for each.
    timeout : float or datetime.timedelta, optional
        Seconds for the whole call. It returns then: what runs on is told so (:func:`lightwork.check_cancelled`), and not waited for.
    task_timeout : float or datetime.timedelta, optional
        Seconds for one attempt at one item, which has failed with :class:`TimedOut` after that. A thread cannot be stopped, so it is told
        so, and keeps its worker until it returns; what it returns is dropped. A worker process is ended.
    max_errors : int, optional
        How many items may fail; with that many the call ends, after those that are running.
    stop : StopToken, optional
        Ends the call when it is stopped, after the items that are running.
    errors : {"collect", "raise", "return"}, default "collect"
        What becomes of failures: they are in the result; the first one ends the call at once and is raised; or a list is returned that has
        exceptions in the places of values.
    return_exceptions : bool, default False
        Another word for ``errors="return"``.
    on_progress : callable, optional
        Takes how many items have ended, and how many there are (of those that are known). Called in
        the calling thread, at most ten times a second, and once in the end.
    on_result : callable, optional
        Takes an :class:`ItemResult`, in the calling thread, as items are done.
    on_report : callable, optional
        Takes an item's index, and `done` and `total` as the item says by :func:`lightwork.report_progress`; in that item's thread.
    progress : bool, default False
        Show a bar.
    item_key : callable, optional
        Takes an item and returns what results and notes call it.
    metrics : Metrics, optional
        Measures `fn`: how often it is called, how long it takes, and which calls are the slowest.
    rng : int, sequence of int or numpy.random.SeedSequence, optional
        Call ``fn(item, rng=seed)``, where `seed` is a ``SeedSequence`` that depends on this one and on the item's index alone; not on workers,
        chunks or attempts.

    Returns
    -------
    ParallelResult
        A sequence of the values, if no item failed; or a list, see `errors`.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown, or no number where it should be one, or out of range; before any item is touched. If function or items
        cannot be sent to a worker process, with the part that keeps them from it.
    KeyboardInterrupt
        If Ctrl-C comes, in the calling thread or from an item. Nothing new begins, and what is running is not waited for.
    RuntimeError
        If the `executor` is shut down in the middle of the call, its initializer fails, or the system gives not one thread; if a cluster is
        closed, has no workers or cannot import lightwork, or there are no subinterpreters, before any item is touched.

    Notes
    -----
    What the source of the items raises is raised here after the items before it, as is what callbacks raise. Such exceptions, Ctrl-C
    included, carry what was finished as their attribute ``partial_result``. A SystemExit in an item is that item's failure.

    Items run in a copy of the calling context (:mod:`contextvars`). May be called from several threads, and within items:
    nested calls share the threads there are, and who waits for one works on it.

    :func:`lightwork.configure` says what holds for options that a call does not give. Those that it gives count, None included.

    Examples
    --------
    >>> import lightwork as lw
    >>> result = lw.parallel_map(len, ["one", "two", "three"])
    >>> list(result)
    [3, 3, 5]
    >>> result = lw.parallel_map(int, ["1", "two", "3"])
    >>> result.ok, result.successes()
    (False, [(0, 1), (2, 3)])
    """
    return map_items_of(fn, items, Options.of("parallel_map", options))


@overload
def parallel_starmap(
    fn: Callable[..., T],
    items: Iterable[Iterable[Any]],
    *,
    errors: Literal["collect", "raise"] = ...,
    return_exceptions: Literal[False] = ...,
    **options: Unpack[MapOptions],
) -> ParallelResult[T]: ...
@overload
def parallel_starmap(
    fn: Callable[..., T], items: Iterable[Iterable[Any]], *, errors: Literal["return"], return_exceptions: bool = ..., **options: Unpack[MapOptions]
) -> list[T | BaseException]: ...
@overload
def parallel_starmap(
    fn: Callable[..., T],
    items: Iterable[Iterable[Any]],
    *,
    return_exceptions: Literal[True],
    errors: Literal["collect", "return"] = ...,
    **options: Unpack[MapOptions],
) -> list[T | BaseException]: ...
def parallel_starmap(fn: Callable[..., Any], items: Iterable[Any], **options: Any) -> Any:
    """
    Call ``fn(*item)`` for each item, many at a time; else as :func:`parallel_map`, with all its options.

    Examples
    --------
    >>> import lightwork as lw
    >>> list(lw.parallel_starmap(pow, [(2, 3), (3, 2)]))
    [8, 9]
    """
    return map_items_of(fn, items, Options.of("parallel_starmap", options), star=True)


def map_items_of(fn: Callable[..., Any], items: Iterable[Any], options: Options, *, star: bool = False) -> Any:
    """Run a function over items by the shortest way there is for what is asked."""
    check_plain_function(fn)
    if options.is_plain and is_at_hand(items) and INLINE.get() is None:
        return _map_at_hand(fn, items, options, star=star)
    return collect(one_stage(fn, options, star=star), items, options)


def _map_at_hand(fn: Callable[..., Any], items: Sequence[Any], options: Options, *, star: bool) -> Any:
    """Run items that are all there, where nothing is asked for but their values: in the core, without us."""
    n_workers = min(options.workers or default_workers(), MOST_WORKERS)
    with inner_threads.beside(min(n_workers, len(items))):
        outcome = map_items(fn, items, n_workers=n_workers, star=star, missing=MISSING)
    status = RunStatus.COMPLETED if outcome.interrupt is None else RunStatus.CANCELLED
    arguments = dict(_still_there(items, outcome.failures))
    result = ParallelResult[Any](None, outcome.values, outcome.failures, status, reason=outcome.interrupt, arguments=arguments)
    if outcome.interrupt is not None:
        carry(outcome.interrupt, result)
        raise outcome.interrupt
    return result.outcomes() if options.errors == "return" else result


def _still_there(items: Sequence[Any], indices: Iterable[int]) -> Iterator[tuple[int, Any]]:
    """Yield items with their indices, but for those that a list has lost meanwhile."""
    for index in indices:
        with contextlib.suppress(IndexError):
            yield index, items[index]


def collect(stages: Sequence[Stage], items: Iterable[Any], options: Options) -> Any:
    """Run all items, and return what the options ask for."""
    listeners = Listeners(options)
    drive = Drive(stages, Feed.of(items, options), options, wants_results=listeners.are_any)
    harvest = Harvest(drive, is_ordered=options.ordered, is_numbered=options.rng is not None)
    try:
        with listeners.follow(drive):
            for block in drive.blocks(listeners.due):
                if block is not None:
                    harvest.add(block)  # first: a listener may raise
                listeners.tell(drive, block)
        return conclude(drive.run, harvest, options)
    except BaseException as error:
        drive.close(error)
        for block in drive.run.finished:
            harvest.add(block)
        carry(error, harvest.result())
        raise
    finally:
        drive.close()
