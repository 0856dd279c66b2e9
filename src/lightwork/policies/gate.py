"""One limit at work: its bucket, and the line before it."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from lightwork.policies.bucket import Bucket
from lightwork.policies.rate import RateLimit

__all__ = ["Gate", "LimiterStatistics", "Wake", "lock"]

Wake = Callable[[], object]

# One for all gates: it is held for microseconds, and what passes several gates needs no order of locking. Reentrant: a
# finalizer or a signal handler may come in the middle, and reports or leaves.
_lock = threading.RLock()


_gates: weakref.WeakSet[Gate] = weakref.WeakSet()  # those that there are


def _begin_anew() -> None:
    """In a forked child: nobody may be left to release the old lock, to leave a line, or to report what was let in."""
    global _lock  # noqa: PLW0603 - one for the process
    _lock = threading.RLock()
    for gate in _gates:
        gate.begin_anew()


os.register_at_fork(after_in_child=_begin_anew)


def lock() -> AbstractContextManager[object]:
    """Return what to hold while gates are looked at or changed."""
    return _lock


@dataclass(frozen=True, slots=True)
class LimiterStatistics:
    """
    What a limiter has done, and who waits for it, at one moment.

    Attributes
    ----------
    granted : int
        Grants, those included that were withdrawn.
    withdrawn : int
        Grants that were given back without a start.
    waiting : int
        Places in line.
    pending : float
        The cost of what was granted and has not started.
    level : float
        How much of the burst is used up by what has started.
    paused_seconds : float
        How much longer nothing will be granted.
    """

    granted: int
    withdrawn: int
    waiting: int
    pending: float
    level: float
    paused_seconds: float


class Gate:
    """
    What of a limiter changes. Everything here wants the lock.

    Attributes
    ----------
    limit : RateLimit
        What it keeps to.
    bucket : Bucket
        What was let in.
    line : OrderedDict
        Who waits, in the order of coming, each with what to call when it may ask again. It finds its first at once, however many
        have left.
    n_granted, n_withdrawn : int
        How often.
    is_inherited : bool
        Whether it was a parent's when this process was forked off, so that what was let in there may be reported here.
    """

    __slots__ = ("__weakref__", "bucket", "is_inherited", "limit", "line", "n_granted", "n_withdrawn")

    def __init__(self, limit: RateLimit) -> None:
        self.limit: RateLimit = limit
        self.bucket: Bucket = Bucket.of(limit)
        self.line: OrderedDict[object, Wake] = OrderedDict()
        self.n_granted: int = 0
        self.n_withdrawn: int = 0
        self.is_inherited: bool = False
        _gates.add(self)

    def begin_anew(self) -> None:
        """Forget who waits, and what has not started; what has started still counts."""
        self.is_inherited = True
        self.line = OrderedDict()  # the old one may be half changed, and tells who was in it that he is no more
        self.bucket = self.bucket.without_pending()

    def is_open_to(self, place: object) -> bool:
        """Whether a place is the first in line; None stands for who passes by when nobody waits."""
        return (next(iter(self.line), None) if self.line else None) is place

    def first(self) -> Wake | None:
        """Return what to call for the first in line."""
        return next(iter(self.line.values()), None) if self.line else None

    def statistics(self, now: float) -> LimiterStatistics:
        """Return what was done here, and who waits."""
        bucket = self.bucket
        paused_seconds = max(bucket.paused_until - now, 0.0)
        return LimiterStatistics(self.n_granted, self.n_withdrawn, len(self.line), bucket.pending, bucket.level(now), paused_seconds)

    def report(self, now: float | None, cost: float) -> None:
        """Note when something began that was let in, None if it never will. Nothing is pending of what a parent let in."""
        if self.is_inherited and not self.bucket.n_pending:
            if now is not None:
                self.change(Bucket.filled, now, cost)
        elif now is None:
            self.change(Bucket.withdrawn, cost)
        else:
            self.change(Bucket.started, now, cost)

    def change(self, step: Callable[..., Bucket], *args: float) -> None:
        """Put what a method makes of the bucket in its place, whatever comes in the middle of that."""
        while True:  # again, if a finalizer or a signal handler made a change itself
            seen = self.bucket
            changed = step(seen, *args)
            if self.bucket is seen:  # between this line and the next the interpreter lets nothing in
                self.bucket = changed
                return
