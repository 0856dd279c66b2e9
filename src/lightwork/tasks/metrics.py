"""How often functions are called, how long that takes, and which calls were the slowest."""

from __future__ import annotations

import functools
import itertools
import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import Any

from lightwork._clock import clock
from lightwork.tasks.notes import brief

__all__ = ["FunctionMetrics", "Metrics", "SlowCall"]

QUANTILES = (0.5, 0.9, 0.99)
N_SLOWEST = 5
GROWTH = math.log(1.05)  # from one bucket of durations to the next: quantiles are right to 2.5 %
SHORTEST = 1e-9  # seconds: below that all durations are alike

# Of all metrics: they are written for some tenths of a microsecond. Reentrant, for signal handlers and finalizers are measured, too.
_lock = threading.RLock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - in a forked child nobody may be left to release the old one
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


@dataclass(frozen=True, slots=True)
class SlowCall:
    """
    One of the slowest calls of a function.

    Attributes
    ----------
    seconds : float
        What it took.
    arguments : str
        What it was called with, cut short.
    """

    seconds: float
    arguments: str


@dataclass(frozen=True, slots=True)
class FunctionMetrics:
    """
    What was measured of a function: a frozen snapshot.

    Attributes
    ----------
    total, failed : int
        Calls that have ended, and those of them that raised. Each attempt of an item is a call.
    seconds : float
        What all of them took together.
    quantiles : mapping of float to float
        The seconds within which 50, 90 and 99 % of the calls ended, right to 2.5 %; empty without calls.
    slowest : tuple of SlowCall
        The five slowest, the slowest first.
    """

    total: int = 0
    failed: int = 0
    seconds: float = 0.0
    quantiles: Mapping[float, float] = field(default_factory=dict[float, float])
    slowest: tuple[SlowCall, ...] = ()

    @property
    def mean(self) -> float:
        """The seconds that a call took on average; NaN without calls."""
        return self.seconds / self.total if self.total else math.nan


class Metrics:
    """
    Measures the functions of all calls that it is given to.

    It is given to a call over items as ``metrics=``, or to all calls of a context by ``configure(metrics=...)``, those of :func:`submit`
    and of :class:`Pool` included. Where it is not, nothing is measured and nothing is paid.

    Notes
    -----
    Thread-safe, and meant to be shared. Functions are told apart by module and qualified name, so that those that are made anew for each
    call count together; the calls of :func:`run_tasks` count as one function. What runs in other processes is not measured.
    A call costs one or two microseconds more.

    Examples
    --------
    >>> import lightwork as lw
    >>> metrics = lw.Metrics()
    >>> result = lw.parallel_map(int, ["1", "2", "x"], metrics=metrics)
    >>> metrics.of(int).total, metrics.of(int).failed
    (3, 1)
    >>> sorted(call.arguments for call in metrics.of(int).slowest)
    ["'1'", "'2'", "'x'"]
    """

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def of(self, fn: Callable[..., object]) -> FunctionMetrics:
        """Return what was measured of a function."""
        record = self._records.get(name_of(fn))
        return FunctionMetrics() if record is None else record.snapshot()

    def functions(self) -> dict[str, FunctionMetrics]:
        """Return what was measured of each function, by module and qualified name."""
        return {name: record.snapshot() for name, record in self._records.copy().items()}

    def timed(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, made to be measured."""
        return Timed(fn, self._record(fn))

    def timed_async(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Do so with one that returns an awaitable, which is measured until it is done."""
        return functools.partial(_await_timed, fn, self._record(fn))

    def _record(self, fn: Callable[..., object]) -> _Record:
        return self._records.setdefault(name_of(fn), _Record())


def name_of(fn: Callable[..., object]) -> str:
    """Return what a function is called, or the class of what can be called."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    named = fn if hasattr(fn, "__qualname__") else type(fn)
    return f"{_module_of(named)}.{named.__qualname__}"


def _module_of(named: Any) -> str:
    """Return where a function is from; a method of a built-in class does not say so itself."""
    bound_to: object = getattr(named, "__self__", None)
    owner: type = getattr(named, "__objclass__", type(bound_to))
    module: str = getattr(named, "__module__", None) or owner.__module__
    return module


class Timed:
    """A function whose calls are measured; pickled it is the function alone."""

    __slots__ = ("_fn", "_record")

    def __init__(self, fn: Callable[..., Any], record: _Record) -> None:
        self._fn = fn
        self._record = record

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, and note how that went."""
        now = clock().now
        began = now()
        try:
            value = self._fn(*args, **kwargs)
        except BaseException:
            self._record.add(now() - began, args, kwargs, is_failure=True)
            raise
        self._record.add(now() - began, args, kwargs)
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return _itself, (self._fn,)


def _itself(fn: Callable[..., Any]) -> Callable[..., Any]:
    return fn


async def _await_timed(fn: Callable[..., Any], record: _Record, /, *args: Any, **kwargs: Any) -> Any:
    now = clock().now
    began = now()
    try:
        value = await fn(*args, **kwargs)
    except BaseException:
        record.add(now() - began, args, kwargs, is_failure=True)
        raise
    record.add(now() - began, args, kwargs)
    return value


class _Record:
    """What is known of one function; of constant size, however often it is called."""

    __slots__ = ("_buckets", "_failed", "_seconds", "_slowest", "_total")

    def __init__(self) -> None:
        self._total = 0
        self._failed = 0
        self._seconds = 0.0
        self._buckets: Counter[int] = Counter()
        self._slowest: list[tuple[float, int, str]] = []  # a heap, with numbers that keep its order total

    def add(self, seconds: float, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_failure: bool = False) -> None:
        """Count a call."""
        text = _arguments(args, kwargs) if self._is_slow(seconds) else None  # a repr may take its time, and call us
        with _lock:
            self._total += 1
            self._failed += is_failure
            self._seconds += seconds
            self._buckets[math.floor(math.log(max(seconds, SHORTEST)) / GROWTH)] += 1
            if text is not None:
                keep = heappush if len(self._slowest) < N_SLOWEST else heappushpop
                keep(self._slowest, (seconds, self._total, text))

    def _is_slow(self, seconds: float) -> bool:
        slowest = self._slowest
        return len(slowest) < N_SLOWEST or seconds > slowest[0][0]

    def snapshot(self) -> FunctionMetrics:
        """Return what is known."""
        with _lock:
            buckets, slowest = sorted(self._buckets.items()), sorted(self._slowest, reverse=True)
            total, failed, seconds = self._total, self._failed, self._seconds
        quantiles = {share: min(_quantile(buckets, share * total), slowest[0][0]) for share in QUANTILES if total}
        return FunctionMetrics(total, failed, seconds, quantiles, tuple(SlowCall(each, text) for each, _, text in slowest))


def _quantile(buckets: list[tuple[int, int]], n_calls: float) -> float:
    """Return the middle of the bucket in which that many calls are reached."""
    counts = itertools.accumulate(count for _, count in buckets)
    bucket = next(bucket for (bucket, _), count in zip(buckets, counts, strict=True) if count >= n_calls)
    return math.exp((bucket + 0.5) * GROWTH)


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return ", ".join([*map(brief, args), *(f"{name}={brief(value)}" for name, value in kwargs.items())])
