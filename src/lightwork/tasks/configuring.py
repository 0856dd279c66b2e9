"""Defaults of calls, set from outside: by an application, for the libraries that call us."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, Literal, SupportsIndex, TypedDict, Unpack

from lightwork._config import Configuration, Settings, checked_workers
from lightwork.executors.cluster import Client
from lightwork.policies.limiter import Limiter
from lightwork.policies.rate import RateLimit
from lightwork.policies.retry import Retry
from lightwork.policies.stop import StopToken
from lightwork.tasks.metrics import Metrics
from lightwork.tasks.options import Options, Seconds

__all__ = ["Wishes", "configure"]


class Wishes(TypedDict, total=False):
    """What can be configured."""

    workers: SupportsIndex | None
    executor: Literal["thread", "serial", "process", "auto", "interpreter"] | Executor | Client | None
    window: int | None
    retry: Retry | None
    rate_limit: RateLimit | Limiter | float | None
    timeout: Seconds | None
    task_timeout: Seconds | None
    max_errors: int | None
    stop: StopToken | None
    progress: bool | None
    metrics: Metrics | None
    shared_memory: str | os.PathLike[str] | None


def configure(**wishes: Unpack[Wishes]) -> Configuration:
    """
    Set defaults for the whole process or, in a ``with`` statement, for the block.

    As a plain statement it changes the process until it is changed again. As ``with configure(...):`` it changes the
    calling context only (:mod:`contextvars`): other threads and other asyncio tasks do not see it, but items and tasks that are
    begun in the block do. What a block sets wins over what the process has, also if that changes meanwhile; what it does not name follows
    the process. What a call says itself counts more than either, None included.

    Parameters
    ----------
    workers : int or None, optional
        How many workers a call gets that does not say; 1 runs everything in the calling thread, and more than the CPU
        budget is allowed. None returns to the default, :func:`lightwork.cpu_budget` for functions of arrays and
        ``min(32, cpu_budget() + 4)`` for items. A call that names an executor has that executor's own number.
    executor : {"thread", "serial", "process", "auto", "interpreter"}, concurrent.futures.Executor or dask.distributed.Client, optional
        Who runs items, of functions that are not async; with "auto", whoever a short look at the first ones makes seem the fastest.
    window : int or None, optional
        How many items may be unfinished or unread at a time.
    retry : Retry or None, optional
        Which failures of items are tried again.
    rate_limit : float, RateLimit, Limiter or None, optional
        How often attempts begin: those of all calls for which this holds, together.
    timeout, task_timeout : float, datetime.timedelta or None, optional
        Seconds for each run over items, and for each attempt of an item.
    max_errors : int or None, optional
        How many items of a run may fail.
    stop : StopToken or None, optional
        Ends all runs for which this holds.
    progress : bool or None, optional
        Whether runs over items are shown.
    metrics : Metrics or None, optional
        Measures the functions that items and submitted calls call.
    shared_memory : path or None, optional
        The directory in which arrays that worker processes share take their room, in files without names. None returns to the
        default, memory without a file system where the system has that, and the directory for temporary files elsewhere.

    Returns
    -------
    Configuration
        To be entered, at most once; can be thrown away.

    Raises
    ------
    TypeError, ValueError
        If a setting is unknown, or not what it should be. Nothing has been changed then.

    Notes
    -----
    None as a setting returns to what holds where nothing is configured, and what is not named stays as it is, so that ``configure()``
    changes nothing.

    Thread-safe: any number of threads may be in blocks of their own, and leave them in any order. Between the call and the
    entry into its block, some microseconds, the whole process sees the change.

    Examples
    --------
    >>> import lightwork as lw
    >>> with lw.configure(workers=2, retry=lw.Retry(3)) as settings:
    ...     settings.workers
    2
    """
    unknown = wishes.keys() - Wishes.__annotations__.keys()
    if unknown:
        raise TypeError(f"configure() knows no {', '.join(sorted(unknown))}; it sets {', '.join(Wishes.__annotations__)}")
    return Configuration(_checked(dict(wishes)))


def _checked(wishes: dict[str, Any]) -> dict[str, Any]:
    """Return what is wished for as calls will have it, and in the place of None what holds at first."""
    given = {name: value for name, value in wishes.items() if value is not None}
    if "workers" in given:
        given["workers"] = checked_workers(given["workers"])
    if not isinstance(given.get("progress", False), bool):
        raise TypeError(f"progress must be True or False, not {given['progress']!r}")
    if "shared_memory" in given:
        given["shared_memory"] = _checked_directory(given["shared_memory"])
    options = Options(**{name: value for name, value in given.items() if name != "shared_memory"})
    return {name: getattr(options, name, given.get(name)) if name in given else getattr(Settings(), name) for name in wishes}


def _checked_directory(path: str | os.PathLike[str]) -> str:
    if not os.access(path, os.W_OK | os.X_OK) or not Path(path).is_dir():
        raise ValueError(f"shared_memory must be a directory that can be written to, not {os.fspath(path)!r}")
    return str(Path(path).absolute())
