"""One limit at work: its bucket, and the line before it."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable

from lightwork.policies.bucket import Bucket
from lightwork.policies.rate import RateLimit

__all__ = ["Gate", "Wake", "lock"]

Wake = Callable[[], object]

# One for all gates: it is held for microseconds, and several gates change at once without an order of locking. Reentrant:
# a finalizer or a signal handler may come in between.
_lock = threading.RLock()


def _renew_lock() -> None:
    global _lock  # noqa: PLW0603 - in a forked child nobody may be left to release the old one
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


def lock() -> threading._RLock:
    """Return what to hold while gates are read or changed."""
    return _lock


class Gate:
    """
    What of a limiter changes. Everything here wants the lock.

    Attributes
    ----------
    bucket : Bucket
        What was let in.
    line : OrderedDict
        Who waits, in the order of coming, each with what to call when it may ask again. Ordered, for its first is found at once
        however many have left.
    granted, withdrawn : int
        How often.
    """

    __slots__ = ("bucket", "granted", "limit", "line", "withdrawn")

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self.bucket = Bucket.of(limit)
        self.line: OrderedDict[object, Wake] = OrderedDict()
        self.granted = 0
        self.withdrawn = 0

    def is_open_to(self, place: object) -> bool:
        """Whether a place is the first in line; None stands for somebody who passes by when nobody waits."""
        return next(iter(self.line), None) is place

    def first(self) -> Wake | None:
        """Return what to call for the first in line."""
        return next(iter(self.line.values()), None)
