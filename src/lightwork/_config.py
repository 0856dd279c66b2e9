"""Defaults that hold where a call says nothing: for the whole process, or for one context."""

import operator
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple, SupportsIndex

__all__ = ["Configuration", "Settings", "checked_workers", "settings"]


@dataclass(frozen=True)
class Settings:
    """
    What is configured. Parallel functions of arrays know `workers`; calls over items know all but the last.

    The policies' types stand on a higher floor, so they are `Any` here; :func:`lightwork.configure` has checked them.

    Attributes
    ----------
    workers : int or None
        How many workers a call gets; None: as many as :func:`lightwork.cpu_budget` says.
    executor : {"thread", "serial", "process", "auto"} or concurrent.futures.Executor
        Who runs items.
    window, max_errors : int or None
        How many items are unfinished or unread at a time, and how many may fail.
    retry : Retry or None
        Which failures are tried again.
    rate_limit : Limiter or None
        How often attempts begin, those of all calls together.
    timeout, task_timeout : float, datetime.timedelta or None
        Seconds for a run, and for an attempt.
    stop : StopToken or None
        Ends runs.
    progress : bool
        Whether runs are shown.
    metrics : Metrics or None
        Measures functions.
    shared_memory : str or None
        The directory in which arrays for worker processes take their room; None: memory without a file system, where there is such.
    """

    workers: int | None = None
    executor: Any = "thread"
    window: int | None = None
    retry: Any = None
    rate_limit: Any = None
    timeout: Any = None
    task_timeout: Any = None
    max_errors: int | None = None
    stop: Any = None
    progress: bool = False
    metrics: Any = None
    shared_memory: str | None = None

    @cached_property
    def wishes(self) -> Mapping[str, Any]:
        """What is not as it is at first, by name."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default}


Changes = Mapping[str, Any]  # names of fields of Settings, and their new values


# --- The process: layers of changes, the last on top -----------------------------------------------------------------


class Layer(NamedTuple):
    """Changes for the whole process, until their configuration is entered; for good once it is gone without that."""

    changes: Changes
    configuration: "weakref.ref[Configuration] | None"

    def is_for_good(self) -> bool:
        return self.configuration is None or self.configuration() is None


class Process(NamedTuple):
    """What holds for the process; swapped as a whole, so that a reader and a forked child always see one state."""

    layers: tuple[Layer, ...]
    settings: Settings


_process = Process((), Settings())

# Reentrant: a signal handler or a finalizer may configure in the middle of a change.
_lock = threading.RLock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - in a forked child nobody may be left to release the old one
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


def _settled(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Merge neighbours that are there for good, so that configuring again and again keeps no history."""
    settled: list[Layer] = []
    for layer in layers:
        if settled and settled[-1].is_for_good() and layer.is_for_good():
            settled[-1] = Layer({**settled[-1].changes, **layer.changes}, None)
        else:
            settled.append(layer)
    return tuple(settled)


def _rebuilt(layers: tuple[Layer, ...]) -> Process:
    layers = _settled(layers)
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer.changes)
    return Process(layers, Settings(**merged))


def _swap(change: Callable[[tuple[Layer, ...]], tuple[Layer, ...]]) -> None:
    global _process  # noqa: PLW0603
    with _lock:
        while True:  # again, if a signal handler or a finalizer came in between and configured something itself
            seen = _process
            rebuilt = _rebuilt(change(seen.layers))
            if _process is seen:
                _process = rebuilt
                return


# --- The context ----------------------------------------------------------------------------------------------------


class Scope:
    """Changes for one context, which lie over whatever the process has."""

    __slots__ = ("_merged", "changes")

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        self._merged: tuple[Settings | None, Settings] = (None, Settings())

    def over(self, base: Settings) -> Settings:
        # One pair in one attribute: threads that share a context may all replace it, and never mix two.
        seen, merged = self._merged
        if seen is not base:
            merged = replace(base, **self.changes)
            self._merged = (base, merged)
        return merged


_scope: ContextVar[Scope | None] = ContextVar("lightwork.configure", default=None)


def settings() -> Settings:
    """Return what holds for the calling context. Thread-safe, and short of a tenth of a microsecond: every call asks."""
    scope = _scope.get()
    process = _process.settings
    return process if scope is None else scope.over(process)


# --- For users ------------------------------------------------------------------------------------------------------


class Configuration:
    """
    What :func:`lightwork.configure` changed; as a context manager, it confines the change to the block.

    It can be entered once.

    Parameters
    ----------
    changes : mapping
        Settings by name, each checked.
    """

    __slots__ = ("__weakref__", "_changes", "_layer", "_token")

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._token: Token[Scope | None] | None = None
        self._layer: Layer | None = Layer(changes, weakref.ref(self))
        layer = self._layer
        _swap(lambda layers: (*layers, layer))

    def __enter__(self) -> Settings:
        """Take the change back from the process, make it in this context, and return what holds in the block."""
        with _lock:  # threads that share a configuration: one gets the layer
            layer, self._layer = self._layer, None
        if layer is None:
            raise RuntimeError("this configuration was entered before; call configure() again for another block")
        _swap(lambda layers: tuple(other for other in layers if other is not layer))
        outer = _scope.get()
        self._token = _scope.set(Scope({**outer.changes, **self._changes} if outer else self._changes))
        return settings()

    def __exit__(self, *_: object) -> None:
        """Return to what held before the block."""
        if self._token is not None:
            _scope.reset(self._token)


def checked_workers(workers: SupportsIndex) -> int:
    """Return a number of workers as an int."""
    if isinstance(workers, bool):
        raise TypeError(f"workers must be an int or None, not {workers}; pass 1 to run everything in the calling thread")
    try:
        count = operator.index(workers)
    except TypeError:
        raise TypeError(f"workers must be an int or None, not {type(workers).__name__}") from None
    if count < 1:
        raise ValueError(f"workers must be at least 1, not {count}; pass None for as many as lightwork.cpu_budget() says")
    return count
