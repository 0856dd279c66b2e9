"""What a call over items may be told, checked once for all front doors."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np

from lightwork._config import settings
from lightwork.executors.cluster import Client, is_client
from lightwork.policies.checks import check_callable, check_choice, checked_count, checked_positive, checked_seconds
from lightwork.policies.limiter import Limiter
from lightwork.policies.rate import RateLimit
from lightwork.policies.retry import Retry
from lightwork.policies.stop import StopToken
from lightwork.policies.turnstile import Cost
from lightwork.tasks.metrics import Metrics
from lightwork.tasks.misnomers import check_names
from lightwork.tasks.results import ItemResult

__all__ = ["AsyncStreamOptions", "CommonOptions", "MapOptions", "Options", "StreamOptions"]

LISTENERS = {
    "on_progress": "how many are done and how many there are",
    "on_result": "an ItemResult",
    "on_report": "an index, what is done and the total",
    "item_key": "an item",
}

FLAGS = {"ordered": "", "return_exceptions": "", "progress": "; a function that is told of it goes by on_progress"}

Seed: TypeAlias = "int | Sequence[int] | np.random.SeedSequence"  # in quotes, for NumPy imports its random numbers when they are asked for
Seconds = float | timedelta
Errors = Literal["collect", "raise", "return"]


class CommonOptions(TypedDict, total=False):
    """What every call over items takes, and all that calls of async functions take."""

    workers: int | None
    window: int | None
    batch_size: int | None
    max_in_flight: int | None
    retry: Retry | None
    rate_limit: RateLimit | Limiter | float | None
    cost: Cost | Callable[[Any], Cost]
    timeout: Seconds | None
    task_timeout: Seconds | None
    max_errors: int | None
    stop: StopToken | None
    on_progress: Callable[[int, int], object] | None
    on_result: Callable[[ItemResult[Any]], object] | None
    on_report: Callable[[int, float, float | None], object] | None
    progress: bool | None
    item_key: Callable[[Any], Any] | None
    rng: Seed | None
    metrics: Metrics | None
    ordered: bool | None


class MapOptions(CommonOptions, total=False):
    """What calls in threads and elsewhere take besides."""

    executor: Literal["thread", "serial", "process", "auto", "interpreter"] | Executor | Client | None
    chunk_size: int | None


class StreamOptions(MapOptions, total=False):
    """What streams take."""

    errors: Errors
    return_exceptions: bool


class AsyncStreamOptions(CommonOptions, total=False):
    """What streams of async functions take."""

    errors: Errors
    return_exceptions: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    The options of a call, each checked, with what they are for.

    Attributes
    ----------
    workers : int or None
        How many items are in hand at a time at most; None: the executor's own default, whatever is configured.
    executor : {"thread", "serial", "process", "auto", "interpreter"}, concurrent.futures.Executor or distributed.Client
        None as given by a call is "thread", whatever is configured.
        Who calls the function.
    chunk_size : int or None
        How many items a worker takes at a time; None: it is found out.
    window, batch_size : int or None
        How many items are unfinished, or finished and not read, at a time. Two names of one thing.
    max_in_flight : int or None
        How many calls run at a time at most, if that is to be fewer than `workers`.
    ordered : bool
        Whether results come in the order of the items, or as they are done.
    retry : Retry or None
        Which failures are tried again.
    rate_limit : RateLimit, Limiter, float or None
        How often calls may start, retries included.
    cost : float, sequence of float or callable
        What an item counts for before the limiter, or before each of those that are combined in it; or a function that tells.
    timeout, task_timeout : float or None
        Seconds for the run, and for one attempt of one item.
    max_errors : int or None
        How many failed items end the run.
    errors : {"collect", "raise", "return"}
        What becomes of failures.
    return_exceptions : bool
        Another word for ``errors="return"``.
    stop : StopToken or None
        Ends the run.
    on_progress, on_result, on_report : callable or None
        Who wants to hear how many items have ended, of each that has, and what items report of themselves.
    progress : bool
        Whether to show it.
    item_key : callable or None
        What an item is called.
    rng : int, sequence of int, SeedSequence or None
        From what the items' own seeds are drawn.
    metrics : Metrics or None
        Measures the function.
    """

    workers: int | None = None
    executor: Literal["thread", "serial", "process", "auto", "interpreter"] | Executor | Client | None = "thread"
    chunk_size: int | None = None
    window: int | None = None
    batch_size: int | None = None
    max_in_flight: int | None = None
    ordered: bool = True
    retry: Retry | None = None
    rate_limit: RateLimit | Limiter | float | None = None
    cost: Cost | Callable[[Any], Cost] = 1.0
    timeout: Seconds | None = None
    task_timeout: Seconds | None = None
    max_errors: int | None = None
    errors: Errors = "collect"
    return_exceptions: bool = False
    stop: StopToken | None = None
    on_progress: Callable[[int, int], object] | None = None
    on_result: Callable[[ItemResult[Any]], object] | None = None
    on_report: Callable[[int, float, float | None], object] | None = None
    progress: bool = False
    item_key: Callable[[Any], Any] | None = None
    rng: Seed | None = None
    metrics: Metrics | None = None

    @classmethod
    def of(cls, called: str, given: Any, *, without: tuple[str, ...] = (), **defaults: Any) -> Options:
        """Return what a call of a function by that name was given, over what is configured, over what holds where neither says anything.

        It lacks the options `without`. An option that is given as None has the value that it has where nobody says anything, whatever is configured.
        """
        if not settings().wishes and are_simple(given):
            return _alike(called, tuple(given), without, tuple(defaults.items()), *given.values())
        return _of_its_own(called, given, without, defaults, _wishes_for(given, without))

    def __post_init__(self) -> None:
        """Check everything that can be checked before there is an item."""
        for name in ("workers", "chunk_size", "window", "batch_size", "max_in_flight", "max_errors"):
            if getattr(self, name) is not None:
                self._set(name, checked_count(name, getattr(self, name), "or None where there is to be no such limit"))
        for name in ("timeout", "task_timeout"):
            if getattr(self, name) is not None:
                self._set(name, checked_seconds(name, _seconds(getattr(self, name))))
        if self.task_timeout == 0:
            raise ValueError("task_timeout must be more than 0 seconds, which no item would keep to; None is no limit")
        for name, parameters in LISTENERS.items():
            if getattr(self, name) is not None:
                check_callable(name, getattr(self, name), parameters)
        for name, advice in FLAGS.items():
            if not isinstance(getattr(self, name), (bool, np.bool)):
                raise TypeError(f"{name} must be True or False, not {getattr(self, name)!r}{advice}")
        self._check_kinds()
        self._merge_names()

    def _check_kinds(self) -> None:
        _of_kind("retry", self.retry, Retry, "a Retry, such as Retry(attempts=3)")
        _of_kind("stop", self.stop, StopToken, "a StopToken")
        _of_kind("metrics", self.metrics, Metrics, "a Metrics()")
        check_choice("errors", self.errors, ("collect", "raise", "return"))
        if self.executor is None:
            self._set("executor", "thread")
        elif not isinstance(self.executor, Executor) and not is_client(self.executor):
            check_choice(
                "executor (if it is no concurrent.futures.Executor and no dask.distributed.Client)",
                self.executor,
                ("thread", "serial", "process", "auto", "interpreter"),
            )
        if self.rate_limit is not None and not isinstance(self.rate_limit, Limiter):
            self._set("rate_limit", _limiter(self.rate_limit))
        if not callable(self.cost):
            self._set("cost", self.checked_cost(self.cost))

    def _merge_names(self) -> None:
        if self.window is not None and self.batch_size is not None:
            raise TypeError("window and batch_size are two names of one option; give one of them")
        self._set("window", self.window or self.batch_size)
        if self.return_exceptions:
            if self.errors == "raise":
                raise TypeError("errors='raise' and return_exceptions=True exclude each other")
            self._set("errors", "return")
        if self.rng is not None and not isinstance(self.rng, np.random.SeedSequence):
            self._set("rng", _root(self.rng))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def limiter(self) -> Limiter | None:
        """The limiter, if there is one."""
        return self.rate_limit if isinstance(self.rate_limit, Limiter) else None

    def checked_cost(self, cost: Cost) -> Cost:
        """Return what an item counts for, if the limiter will ever grant it."""
        if self.limiter is not None:
            return self.limiter.checked(cost)
        if isinstance(cost, (tuple, list)):
            return tuple(checked_positive("cost", each) for each in cost)
        return checked_positive("cost", cost)

    def cost_of(self, item: Any) -> Cost:
        """Return what an item counts for."""
        return self.checked_cost(self.cost(item)) if callable(self.cost) else self.cost

    def deadline(self, now: float) -> float:
        """When the run ends at the latest."""
        return math.inf if self.timeout is None else now + _seconds(self.timeout)

    @property
    def seconds_per_item(self) -> float | None:
        """How long an attempt may take."""
        return None if self.task_timeout is None else _seconds(self.task_timeout)

    @property
    def can_be_stopped(self) -> bool:
        """Whether anything but the end of the items ends the run, so that items should be able to notice."""
        return any(value is not None for value in (self.stop, self.timeout, self.task_timeout, self.max_errors)) or self.errors == "raise"

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for but values, by any number of workers."""
        return self.executor == "thread" and self.errors != "raise" and _policies(self) == _policies(_unasked())


SIMPLE = frozenset({type(None), bool, int, float, str})
MADE_ANEW = frozenset({"rate_limit", "rng"})  # for each call: what they become has a state

INITIALLY: Mapping[str, Any] = {field.name: field.default for field in fields(Options)}

_policies = attrgetter(*INITIALLY.keys() - {"workers", "executor", "errors", "return_exceptions"})


@cache
def _unasked() -> Options:
    """Return the options of a call that is given none."""
    return Options()


def are_simple(given: Mapping[str, Any]) -> bool:
    """Whether calls that are given the same may share their options: to check them takes longer than a small call."""
    return MADE_ANEW.isdisjoint(given) and SIMPLE.issuperset(map(type, given.values()))


@lru_cache(typed=True)  # for True is no 1
def _alike(called: str, names: tuple[str, ...], without: Sequence[str], defaults: tuple[tuple[str, Any], ...], *values: Any) -> Options:
    """Return the options of calls that are given simple values; all such calls share them."""
    return _of_its_own(called, dict(zip(names, values, strict=True)), without, dict(defaults), {})


def _of_its_own(called: str, given: Mapping[str, Any], without: Sequence[str], defaults: Mapping[str, Any], wishes: Mapping[str, Any]) -> Options:
    """Return the options of one call, with what is configured for it."""
    plain = {**{name: default for name, default in INITIALLY.items() if name not in without}, **defaults}
    check_names(called, given, plain)
    asked = {name: plain[name] if value is None else value for name, value in given.items()}
    return Options(**{**defaults, **wishes, **asked})


def _wishes_for(given: Mapping[str, Any], without: Sequence[str]) -> Mapping[str, Any]:
    """Return what is configured, without what a call lacks or says by another name."""
    wishes = settings().wishes
    if not wishes:
        return wishes
    without = (*without, "shared_memory")  # which is no option of calls
    other_names = {"window": "batch_size", "workers": "executor"}  # an executor that is named brings its own number of workers
    return {name: value for name, value in wishes.items() if name not in without and other_names.get(name) not in given}


def _limiter(rate_limit: RateLimit | float) -> Limiter:
    try:
        return Limiter(rate_limit)
    except (TypeError, ValueError) as error:
        raise type(error)(f"rate_limit must be a positive number per second, a RateLimit or a Limiter: {error}") from None


def _root(rng: int | Sequence[int]) -> np.random.SeedSequence:
    if isinstance(rng, bool):
        raise TypeError(f"rng must be a seed, an int such as 1, and not {rng!r}")
    try:
        return np.random.SeedSequence(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"rng must be an int that is not negative, several of them, or a numpy.random.SeedSequence: {error}") from None


def _of_kind(name: str, value: object, kind: type, example: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name} must be {example}, or None, not {value!r}")


def _seconds(value: Seconds) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value
