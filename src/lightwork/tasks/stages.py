"""Several functions that each item passes, one after the other, without waiting for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Unpack, overload

from lightwork.engine import stage as engine
from lightwork.policies.limiter import Limiter
from lightwork.policies.rate import RateLimit
from lightwork.policies.retry import Retry
from lightwork.tasks.calls import call_for, check_plain_function, watched
from lightwork.tasks.map import collect
from lightwork.tasks.options import MapOptions, Options, StreamOptions
from lightwork.tasks.results import ItemResult, ParallelResult
from lightwork.tasks.stream import stream

__all__ = ["Stage", "iter_stages", "map_stages"]


@dataclass(frozen=True, slots=True)
class Stage:
    """
    A function of a pipeline, with what holds for it alone.

    Attributes
    ----------
    fn : callable
        Takes what the stage before returned.
    workers : int, optional
        How many items may be in it at a time.
    retry : Retry, optional
        Which of its failures are tried again; by default the pipeline's.
    rate_limit : float, RateLimit or Limiter, optional
        How often it may begin.
    """

    fn: Callable[[Any], Any]
    workers: int | None = None
    retry: Retry | None = None
    rate_limit: float | RateLimit | Limiter | None = None


@overload
def map_stages(
    items: Iterable[Any],
    *stages: Callable[[Any], Any] | Stage,
    errors: Literal["collect", "raise"] = ...,
    return_exceptions: Literal[False] = ...,
    **options: Unpack[MapOptions],
) -> ParallelResult[Any]: ...
@overload
def map_stages(
    items: Iterable[Any],
    *stages: Callable[[Any], Any] | Stage,
    errors: Literal["return"],
    return_exceptions: bool = ...,
    **options: Unpack[MapOptions],
) -> list[Any]: ...
@overload
def map_stages(
    items: Iterable[Any],
    *stages: Callable[[Any], Any] | Stage,
    return_exceptions: Literal[True],
    errors: Literal["collect", "return"] = ...,
    **options: Unpack[MapOptions],
) -> list[Any]: ...
def map_stages(items: Iterable[Any], *stages: Callable[[Any], Any] | Stage, **options: Any) -> Any:
    """
    Let each item pass several functions, many items at a time, and return what came of the last.

    No item waits for another between stages, and those that have come farthest go first, so that few are under way.

    Parameters
    ----------
    items : iterable
        The source.
    *stages : callable or Stage
        Each takes what the one before returned. An item that fails in one is out.
    **options
        As of :func:`parallel_map`. A `retry` holds for each stage that has none of its own, and counts for each anew; a `rate_limit` is
        for a :class:`Stage` to have; one that is configured holds for each stage that has none. What is measured of an item is its last stage.

    Returns
    -------
    ParallelResult
        As :func:`parallel_map`.

    Examples
    --------
    >>> import lightwork as lw
    >>> list(lw.map_stages(["-1", "20"], int, lw.Stage(abs, workers=1), str))
    ['1', '20']
    """
    checked = _checked("map_stages", options)
    return collect(_engine_stages(stages, checked), items, checked)


def iter_stages(items: Iterable[Any], *stages: Callable[[Any], Any] | Stage, **options: Unpack[StreamOptions]) -> Iterator[ItemResult[Any]]:
    """
    Let each item pass several functions, many items at a time, and yield what came of the last; else as :func:`map_stages` and :func:`parallel_iter`.

    Examples
    --------
    >>> import lightwork as lw
    >>> [result.value for result in lw.iter_stages(["1", "20"], int, str, ordered=True)]
    ['1', '20']
    """
    checked = _checked("iter_stages", options, ordered=False)
    return stream(_engine_stages(stages, checked), items, checked)


def _checked(called: str, options: Any, **defaults: Any) -> Options:
    if options.get("rate_limit") is not None:
        raise TypeError("a rate_limit is for one stage; pass Stage(fn, rate_limit=...)")
    return Options.of(called, options, **defaults)


def _engine_stages(stages: tuple[Callable[[Any], Any] | Stage, ...], options: Options) -> list[engine.Stage]:
    if not stages:
        raise TypeError("there must be at least one stage: map_stages(items, first, second)")
    return [_engine_stage(stage if isinstance(stage, Stage) else Stage(stage), index, options) for index, stage in enumerate(stages)]


def _engine_stage(stage: Stage, index: int, options: Options) -> engine.Stage:
    check_plain_function(stage.fn, "; the items come first, and the functions after them")
    own = Options(workers=stage.workers, retry=stage.retry or options.retry, rate_limit=stage.rate_limit or options.rate_limit)
    call = call_for(watched(stage.fn, options), own.retry, options.rng if index == 0 else None)
    return engine.Stage(call, own.retry, own.limiter, own.workers, index)
