"""The function of a call as workers call it, and who these are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from random import Random
from typing import Any

import numpy as np

from lightwork._clock import Clock
from lightwork._cpus import cpu_budget
from lightwork.engine.chunk import Chunk
from lightwork.engine.crew import Crew
from lightwork.engine.dispatch import Dispatch
from lightwork.engine.grain import Grain, RemoteGrain
from lightwork.engine.process_crew import ProcessCrew
from lightwork.engine.run import Run
from lightwork.engine.scouts import ScoutCrew
from lightwork.engine.threads import ThreadCrew
from lightwork.engine.verdict import refusing
from lightwork.executors.cluster import Cluster, is_client, n_threads_of
from lightwork.executors.futures import Foreign, ThreadsOfOthers, is_thread_pool
from lightwork.executors.interpreters import Interpreters
from lightwork.executors.process.company import Company, kit_for
from lightwork.executors.serial import INLINE, Serial
from lightwork.executors.stealing import Threads, default_workers
from lightwork.policies.checks import is_async
from lightwork.policies.retry import Retry
from lightwork.tasks.inside import Item, Stoppable, running
from lightwork.tasks.options import Options
from lightwork.tasks.pool import Pool
from lightwork.tasks.process_pool import ProcessPool
from lightwork.tasks.travel import cannot_travel

__all__ = [
    "Entrance",
    "call_for",
    "check_function",
    "check_plain_function",
    "crew_for",
    "grain_for",
    "n_workers_of",
    "scout_for",
    "watched",
    "workers_for",
    "workers_of",
]


def check_function(fn: Any, advice: str = "; the items come second") -> None:
    """Refuse what cannot be called; the advice ends the error."""
    if not callable(fn):
        raise TypeError(f"fn must be a function, not {fn!r}{advice}")


def check_plain_function(fn: object, advice: str = "; the items come second") -> None:
    """Refuse what cannot be called, and what has to be awaited, which nobody here would do."""
    check_function(fn, advice)
    if is_async(fn):
        raise TypeError(f"{fn!r} is an async function, which is awaited by async_parallel_map and async_parallel_iter")


def apply_star(fn: Callable[..., Any], arguments: Any) -> Any:
    """Call a function with an item's members as its arguments."""
    return fn(*arguments)


def apply_seeded(fn: Callable[..., Any], root: np.random.SeedSequence, numbered: tuple[int, Any]) -> Any:
    """Call a function with an item, and with a seed that depends on the root and on the item's index alone."""
    index, item = numbered
    return fn(item, rng=child(root, index))


def apply_star_seeded(fn: Callable[..., Any], root: np.random.SeedSequence, numbered: tuple[int, Any]) -> Any:
    """Do both."""
    index, arguments = numbered
    return fn(*arguments, rng=child(root, index))


def child(root: np.random.SeedSequence, index: int) -> np.random.SeedSequence:
    """Return an item's seed, anew for each attempt."""
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, index), pool_size=root.pool_size)


def call_for(fn: Callable[..., Any], retry: Retry | None, rng: Any = None, *, star: bool = False) -> Callable[[Any], Any]:
    """Return a function of one item, which can be pickled if `fn` can and no value is refused."""
    call: Callable[[Any], Any] = fn
    if rng is not None:
        call = partial(apply_star_seeded if star else apply_seeded, fn, rng)
    elif star:
        call = partial(apply_star, fn)
    return call if retry is None or retry.retry_result is None else refusing(call, retry.retry_result)


def watched(fn: Callable[..., Any], options: Options) -> Callable[..., Any]:
    """Return the function, measured if that is wanted."""
    return fn if options.metrics is None else options.metrics.timed(fn)


# --- Who calls it -----------------------------------------------------------------------------------------------------


def workers_for(options: Options) -> tuple[AnyWorkers, Random | None]:
    """Return who runs the items, and what draws their order if that is by lot."""
    inline = INLINE.get()
    if inline is not None:
        return Serial(), inline.random
    if options.executor == "auto":
        return scout_for(options), None
    return workers_of(options.executor, options), None


def scout_for(options: Options) -> Serial | Threads:
    """Return who runs the first items where it is not known who runs the others: the caller, unless he has to be free to leave them alone."""
    has_to_be_free = any(value is not None for value in (options.timeout, options.task_timeout, options.stop))
    return Threads(1) if has_to_be_free and options.workers != 1 else Serial()


def workers_of(executor: Any, options: Options) -> AnyWorkers:
    """Return who runs the items, as many as there may be."""
    return _workers_of(executor, options, n_workers_of(executor, options))


def n_workers_of(executor: Any, options: Options) -> int:
    """Return how many may run items at a time."""
    n_workers = options.workers or _default_of(executor)
    return min(n_workers, options.max_in_flight or n_workers)


def _workers_of(executor: Any, options: Options, n_workers: int) -> AnyWorkers:
    if isinstance(executor, Pool):
        return Threads(n_workers, executor.core)
    if is_thread_pool(executor):
        return ThreadsOfOthers(executor, n_workers)
    if isinstance(executor, ProcessPool):
        return Company(n_workers, executor.kit, cannot_travel)
    if isinstance(executor, Executor):
        return Foreign(executor, n_workers)
    return Cluster(executor, n_workers) if is_client(executor) else _named(executor, options, n_workers)


def _named(executor: Any, options: Options, n_workers: int) -> AnyWorkers:
    if executor == "process":
        return _company_of(n_workers)
    if executor == "interpreter":
        return Interpreters(n_workers)
    return Serial() if executor == "serial" or options.workers == 1 else Threads(n_workers)


AnyWorkers = Serial | Threads | ThreadsOfOthers | Foreign | Company


def _company_of(n_workers: int) -> Company:
    """Return worker processes."""
    return Company(n_workers, kit_for(n_workers), cannot_travel)


def grain_for(workers: AnyWorkers, options: Options) -> Grain | None:
    """Return what finds out how many items such workers take at a time, if that is not as usual."""
    if isinstance(workers, Interpreters):
        return Grain(1)
    return RemoteGrain(options.chunk_size, workers.n_workers) if isinstance(workers, Company | Cluster) else None


def crew_for(workers: AnyWorkers, run: Run, options: Options, clock: Clock, *, can_be_left: bool, n_items: int | None, **more: Any) -> Crew:
    """Return who drives a run with such workers; `can_be_left` if the caller may lose interest before the end, `n_items` if that is known."""
    if isinstance(workers, Interpreters):
        workers.check(stage.call for stage in run.stages)
    if isinstance(workers, Foreign):
        return Dispatch(run, workers, clock, token=options.stop, **more)
    if isinstance(workers, Company):
        return ProcessCrew(run, workers, clock, token=options.stop, **more)
    has_wishes = can_be_left or options.can_be_stopped or options.on_report is not None
    crew = ScoutCrew if options.executor == "auto" else ThreadCrew
    entrance = Entrance(run, clock, options.on_report) if has_wishes else None
    return crew(run, workers, clock, token=options.stop, enter=entrance, n_items=n_items, **more)


def _default_of(executor: object) -> int:
    if is_client(executor):
        return n_threads_of(executor)
    if isinstance(executor, Executor):
        return getattr(executor, "_max_workers", None) or default_workers()
    return cpu_budget() if executor in ("process", "interpreter") else default_workers()


# --- What is known inside ---------------------------------------------------------------------------------------------


class Entrance:
    """
    Tells the items of a chunk, before they run, who wants to stop them or to hear from them.

    Parameters
    ----------
    run : Run
        Theirs.
    clock : Clock
        By which they may find that their time is over: an item that runs in the calling thread leaves nobody else to tell it.
    on_report : callable, optional
        Takes an item's index, and what it says is done and total.
    """

    def __init__(self, run: Run, clock: Clock, on_report: Callable[[int, float, float | None], object] | None) -> None:
        self._run = run
        self._now = clock.now
        around = running.get()  # the item that makes this call, if one does: what nobody wants of it nobody wants of its own items
        self._around = None if around is None else around.cancelled
        self._on_report = on_report

    def __call__(self, chunk: Chunk) -> None:
        """Enter."""
        report = None if self._on_report is None else partial(self._report, chunk)
        running.set(Item(_Wish(self._run, chunk, self._now, self._around), report))

    def _report(self, chunk: Chunk, done: float, total: float | None) -> None:
        if self._on_report is not None:
            self._on_report(chunk.index, done, total)


class _Wish:
    """Whether anybody still wants what a chunk brings."""

    __slots__ = ("_around", "_chunk", "_now", "_run")

    def __init__(self, run: Run, chunk: Chunk, now: Callable[[], float], around: Stoppable | None) -> None:
        self._run = run
        self._chunk = chunk
        self._now = now
        self._around = around

    @property
    def is_stopped(self) -> bool:
        """Whether nobody does."""
        return self._is_unwanted or (self._around is not None and self._around.is_stopped)

    @property
    def reason(self) -> object:
        """Why."""
        if self._around is not None and not self._is_unwanted:
            return self._around.reason
        return "it took too long" if self._run.status is None else self._run.reason or self._run.status

    @property
    def _is_unwanted(self) -> bool:
        return self._run.is_unwanted(self._chunk, self._now())
