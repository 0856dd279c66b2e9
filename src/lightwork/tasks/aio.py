"""An async function over items, in the event loop that runs."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from lightwork.engine.stage import Stage
from lightwork.tasks.calls import call_for, check_function
from lightwork.tasks.ends import conclude, raise_early_end
from lightwork.tasks.harvest import Harvest, carry
from lightwork.tasks.listeners import Listeners
from lightwork.tasks.options import AsyncStreamOptions, CommonOptions, Options
from lightwork.tasks.results import ItemResult, ParallelResult
from lightwork.tasks.stream import Order, read

if TYPE_CHECKING:
    from lightwork.tasks.aio_drive import Source

__all__ = ["async_parallel_iter", "async_parallel_map", "async_parallel_starmap"]

T = TypeVar("T")

NOT_ASYNC = ("executor", "chunk_size")

Items = Iterable[Any] | AsyncIterable[Any]


@overload
async def async_parallel_map(
    fn: Callable[..., Awaitable[T]],
    items: Items,
    *,
    errors: Literal["collect", "raise"] = ...,
    return_exceptions: Literal[False] = ...,
    **options: Unpack[CommonOptions],
) -> ParallelResult[T]: ...
@overload
async def async_parallel_map(
    fn: Callable[..., Awaitable[T]], items: Items, *, errors: Literal["return"], return_exceptions: bool = ..., **options: Unpack[CommonOptions]
) -> list[T | BaseException]: ...
@overload
async def async_parallel_map(
    fn: Callable[..., Awaitable[T]],
    items: Items,
    *,
    return_exceptions: Literal[True],
    errors: Literal["collect", "return"] = ...,
    **options: Unpack[CommonOptions],
) -> list[T | BaseException]: ...
async def async_parallel_map(fn: Callable[..., Any], items: Items, **options: Any) -> Any:
    """
    Await an async function for each item, many at a time, and return all that came of it.

    Parameters
    ----------
    fn : callable
        Takes an item and returns an awaitable; for plain functions there is :func:`parallel_map`.
    items : iterable or async iterable
        The source. The next item is waited for while others run.
    workers : int, optional
        How many items are awaited at a time. Default as for threads.
    **options
        As of :func:`parallel_map`, but for `executor` and `chunk_size`. An item that takes longer than `task_timeout` is cancelled, and so is
        what runs when `timeout` is over or the call itself is cancelled.

    Returns
    -------
    ParallelResult
        As :func:`parallel_map`.

    Notes
    -----
    Limiters and stop tokens may be shared with other loops and with threads.

    Examples
    --------
    >>> import asyncio
    >>> import lightwork as lw
    >>> async def double(x):
    ...     await asyncio.sleep(0)
    ...     return 2 * x
    >>> asyncio.run(lw.async_parallel_map(double, [1, 2, 3])).values()
    [2, 4, 6]
    """
    return await _collect(fn, items, _checked("async_parallel_map", options))


@overload
async def async_parallel_starmap(
    fn: Callable[..., Awaitable[T]],
    items: Items,
    *,
    errors: Literal["collect", "raise"] = ...,
    return_exceptions: Literal[False] = ...,
    **options: Unpack[CommonOptions],
) -> ParallelResult[T]: ...
@overload
async def async_parallel_starmap(
    fn: Callable[..., Awaitable[T]], items: Items, *, errors: Literal["return"], return_exceptions: bool = ..., **options: Unpack[CommonOptions]
) -> list[T | BaseException]: ...
@overload
async def async_parallel_starmap(
    fn: Callable[..., Awaitable[T]],
    items: Items,
    *,
    return_exceptions: Literal[True],
    errors: Literal["collect", "return"] = ...,
    **options: Unpack[CommonOptions],
) -> list[T | BaseException]: ...
async def async_parallel_starmap(fn: Callable[..., Any], items: Items, **options: Any) -> Any:
    """
    Await ``fn(*item)`` for each item; else as :func:`async_parallel_map`.

    Examples
    --------
    >>> import asyncio
    >>> import lightwork as lw
    >>> async def power(x, y):
    ...     return x**y
    >>> asyncio.run(lw.async_parallel_starmap(power, [(2, 3), (3, 2)])).values()
    [8, 9]
    """
    return await _collect(fn, items, _checked("async_parallel_starmap", options), star=True)


def async_parallel_iter(fn: Callable[..., Awaitable[T]], items: Items, **options: Unpack[AsyncStreamOptions]) -> AsyncIterator[ItemResult[T]]:
    """
    Await an async function for each item, many at a time, and yield what came of each.

    Parameters
    ----------
    fn, items
        As of :func:`async_parallel_map`.
    **options
        As of :func:`parallel_iter`, but for `executor` and `chunk_size`.

    Yields
    ------
    ItemResult
        Of each item.

    Notes
    -----
    While the reader is busy, items go on as far as the `window` allows. A loop that is left early leaves the generator to the event
    loop's care; ``contextlib.aclosing`` ends it, and what it runs, at once.

    Examples
    --------
    >>> import asyncio
    >>> import lightwork as lw
    >>> async def double(x):
    ...     return 2 * x
    >>> async def main():
    ...     return [result.value async for result in lw.async_parallel_iter(double, range(3), ordered=True)]
    >>> asyncio.run(main())
    [0, 2, 4]
    """
    checked = _checked("async_parallel_iter", options, ordered=False)
    from lightwork.tasks.aio_drive import source_of  # noqa: PLC0415 - asyncio would take longer than ours

    return _results(_stages(fn, checked, star=False), source_of(items, checked), checked)


def _checked(called: str, options: Any, **defaults: Any) -> Options:
    for name in NOT_ASYNC:
        if name in options:
            hint = "for functions that are not async there is parallel_map, in a thread by asyncio.to_thread"
            raise TypeError(f"{name} is no option of {called}: the event loop itself awaits each item; {hint}")
    return Options.of(called, options, without=NOT_ASYNC, **defaults)


def _stages(fn: Callable[..., Any], options: Options, *, star: bool) -> list[Stage]:
    check_function(fn)
    watched = fn if options.metrics is None else options.metrics.timed_async(fn)
    return [Stage(call_for(watched, None, options.rng, star=star), options.retry, options.limiter)]


async def _collect(fn: Callable[..., Any], items: Items, options: Options, *, star: bool = False) -> Any:
    from lightwork.tasks.aio_drive import AsyncDrive, source_of  # noqa: PLC0415 - asyncio would take longer than ours

    listeners = Listeners(options)
    drive = AsyncDrive(_stages(fn, options, star=star), source_of(items, options), options, waits_for_reader=False)
    harvest = Harvest(drive, is_ordered=options.ordered, is_numbered=options.rng is not None)
    try:
        with listeners.follow(drive):
            async for block in drive.blocks(listeners.due):
                if block is not None:
                    harvest.add(block)  # first: a listener may raise
                listeners.tell(drive, block)
        return conclude(drive.run, harvest, options)
    except BaseException as error:
        await drive.close(error)
        for block in drive.run.finished:
            harvest.add(block)
        carry(error, harvest.result())
        raise
    finally:
        await drive.close()


async def _results(stages: list[Stage], source: Source, options: Options) -> AsyncIterator[ItemResult[Any]]:
    from lightwork.tasks.aio_drive import AsyncDrive  # noqa: PLC0415 - asyncio would take longer than ours

    listeners = Listeners(options)
    drive = AsyncDrive(stages, source, options, waits_for_reader=True)
    order = Order(is_ordered=options.ordered)
    try:
        with listeners.follow(drive):
            async with aclosing(drive.blocks(listeners.due)) as blocks:
                async for block in blocks:
                    if (error := listeners.try_to_tell(drive, block)) is not None:
                        await drive.close(error)  # what is done already is read before it is raised
                    for following in order.next(block):
                        for result in read(drive, following, options):
                            yield result
                        drive.read(following)
        for following in order.rest():
            for result in read(drive, following, options):
                yield result
        raise_early_end(drive.run, listeners.failure)
    finally:
        await drive.close()
