"""Waiting for handles along with other futures, by the standard library's ``wait`` and ``as_completed``, in a pool's own worker."""

from __future__ import annotations

import functools
import threading
import time
import weakref
from collections.abc import Iterable
from typing import Any

from lightwork._core.pool import is_worker, stand_by

__all__ = ["Waiters", "check_room"]

ROOM = 12  # calls that may be needed to tell of an outcome, each through C, as the interpreter counts these apart


def check_room(depth: int = ROOM) -> None:
    """Raise RecursionError here, where nothing has been begun, rather than where an outcome would be lost by it."""
    if depth > 0:
        functools.partial(check_room, depth - 1)()


class HelpfulEvent(threading.Event):
    """What a worker waits for in ``wait`` or ``as_completed``: it makes the calls first that nobody has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.handles: list[weakref.ref[Any]] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Make calls of the thread's own pool until the event is set; wait when there are none."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.handles and not self.is_set():
            handle = self.handles.pop()()
            if handle is not None:
                handle.lend_a_hand()
        return self.is_set() or stand_by(super().wait, None if end is None else max(0.0, end - time.monotonic()))


class Waiters(list[Any]):
    """
    Those who wait for a handle along with other futures, workers among them.

    The standard library's functions append a waiter to this list of every future, while they hold the conditions of all of them, and then wait for
    the waiter's event. In a worker that event is put in its place here.
    """

    def __init__(self, handle: Any, waiters: Iterable[Any]) -> None:
        super().__init__(waiters)
        self._handle = weakref.ref(handle)

    def append(self, waiter: Any) -> None:
        """Add one who waits."""
        if is_worker():
            _help(waiter, self._handle)
        super().append(waiter)


def _help(waiter: Any, handle: weakref.ref[Any]) -> None:
    if not isinstance(waiter.event, HelpfulEvent):
        waiter.event = HelpfulEvent()
    waiter.event.handles.append(handle)
