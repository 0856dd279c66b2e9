"""Defaults that hold where a call says nothing: for the whole process, or for one context."""

import operator
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple, SupportsIndex

__all__ = ["Configuration", "Settings", "configure", "settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What is configured.

    Attributes
    ----------
    workers : int or None
        How many workers a call gets; None: as many as :func:`lightwork.cpu_budget` says.
    """

    workers: int | None = None


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
    What :func:`configure` changed; as a context manager, it confines the change to the block.

    It can be entered once. Made by :func:`configure` only.
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


class Unset(Enum):
    """Stands for a setting that a call of :func:`configure` does not name."""

    UNSET = "as it is"

    def __repr__(self) -> str:
        return self.value


UNSET = Unset.UNSET


def _checked_workers(workers: SupportsIndex) -> int:
    if isinstance(workers, bool):
        raise TypeError(f"workers must be an int or None, not {workers}; pass 1 to run everything in the calling thread")
    try:
        count = operator.index(workers)
    except TypeError:
        raise TypeError(f"workers must be an int or None, not {type(workers).__name__}") from None
    if count < 1:
        raise ValueError(f"workers must be at least 1, not {count}; pass None for as many as lightwork.cpu_budget() says")
    return count


def configure(*, workers: SupportsIndex | Unset | None = UNSET) -> Configuration:
    """
    Set defaults for the whole process or, in a ``with`` statement, for the block.

    As a plain statement it changes the process until it is changed again. As ``with configure(...):`` it changes the
    calling context only (:mod:`contextvars`): other threads and other asyncio tasks do not see it. What a block sets wins
    over what the process has, also if that changes meanwhile; what it does not name follows the process.

    Parameters
    ----------
    workers : int or None, optional
        How many workers a call gets that does not say; 1 runs everything in the calling thread, and more than the CPU
        budget is allowed. None returns to the default, :func:`lightwork.cpu_budget`. Where it is not given it stays as
        it is, so that ``configure()`` changes nothing.

    Returns
    -------
    Configuration
        To be entered, at most once; can be thrown away.

    Raises
    ------
    TypeError, ValueError
        If `workers` is no int, or less than 1. Nothing has been changed then.

    Notes
    -----
    Thread-safe: any number of threads may be in blocks of their own, and leave them in any order. Between the call and the
    entry into its block, some microseconds, the whole process sees the change.

    Examples
    --------
    >>> import lightwork as lw
    >>> with lw.configure(workers=2) as settings:
    ...     settings.workers
    2
    """
    changes: dict[str, Any] = {}
    if workers is not UNSET:
        changes["workers"] = None if workers is None else _checked_workers(workers)
    return Configuration(changes)
