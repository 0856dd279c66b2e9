"""A function over items: all results at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, Unpack

from lightwork.engine.chunk import Block
from lightwork.tasks.drive import Drive
from lightwork.tasks.harvest import Harvest, carry
from lightwork.tasks.listeners import Listeners
from lightwork.tasks.options import MapOptions, Options
from lightwork.tasks.results import ParallelResult

__all__ = ["collect", "parallel_map", "parallel_starmap"]

T = TypeVar("T")
S = TypeVar("S")


def parallel_map(fn: Callable[[S], T], items: Iterable[S], **options: Unpack[MapOptions]) -> ParallelResult[T]:
    return collect(fn, items, Options(**options))


def parallel_starmap(fn: Callable[..., T], items: Iterable[Iterable[Any]], **options: Unpack[MapOptions]) -> ParallelResult[T]:
    return collect(fn, items, Options(**options), star=True)


def collect(fn: Callable[..., Any], items: Iterable[Any], options: Options, *, star: bool = False, **more: Any) -> Any:
    """Run all items, and return what the options ask for."""
    listeners = Listeners(options)
    drive = Drive(fn, items, options, star=star, wants_results=listeners.are_any, **more)
    harvest = Harvest(drive, is_ordered=options.ordered, is_numbered=options.rng is not None)
    try:
        with listeners.follow(drive):
            for block in drive.blocks(listeners.due):
                if block is not None:
                    harvest.add(block)
                listeners.hear(block)
        drive.raise_interrupt()
        return _conclude(drive, harvest, options)
    except BaseException as error:
        drive.crew.close(error)
        for block in drive.run.finished:
            harvest.add(block)
        carry(error, harvest.result())
        raise
    finally:
        drive.crew.close()


def _conclude(drive: Drive, harvest: Harvest, options: Options) -> Any:
    if drive.run.source_error is not None:
        raise drive.run.source_error
    error = harvest.first_error() if options.errors == "raise" else None
    result = harvest.result()
    if error is not None:
        result.failures()  # which gives them their notes
        raise error
    return result.outcomes() if options.errors == "return" else result
