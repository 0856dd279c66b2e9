"""
Tools for tests of code that waits or runs in parallel: time that stands still, back-off that does not sleep, and calls without threads.

All are context managers and hold for the calling context (:mod:`contextvars`), and so for the items of the calls that are made in it.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from collections.abc import Callable, Generator
from random import Random
from typing import Self

from lightwork._clock import CLOCKS, LoopWaker, Waker
from lightwork.executors.serial import INLINE, Inline
from lightwork.policies.checks import checked_number, checked_seconds
from lightwork.policies.retry import BACKOFF

__all__ = ["MockClock", "deterministic", "no_backoff", "serial"]


class MockClock:
    """
    A clock that goes when it is told to.

    In a ``with`` block it is the one that retries, limiters and stop tokens go by. Who sleeps by it in another thread or in an
    event loop wakes up when :meth:`advance` gets there.

    Parameters
    ----------
    start : float, default 0.0
        What :meth:`now` says at first, in seconds.
    wall : float, default 0.0
        What :meth:`wall` says at first, in seconds since 1970.
    autojump : bool, default False
        Let whoever sleeps advance the clock to the end of his sleep, instead of waiting: a single thread then goes through any
        number of waits in no time, and :meth:`now` tells how long they were.

    Notes
    -----
    Thread-safe.

    Examples
    --------
    >>> import lightwork as lw
    >>> from lightwork.testing import MockClock
    >>> with MockClock(autojump=True) as clock:
    ...     limiter = lw.Limiter(lw.RateLimit(2, "minute"))
    ...     for _ in range(3):
    ...         limiter.acquire()
    ...     clock.now()
    True
    True
    True
    60.0
    """

    def __init__(self, start: float = 0.0, *, wall: float = 0.0, autojump: bool = False) -> None:
        self._now = checked_number("start", start)
        self._epoch = checked_number("wall", wall) - self._now
        self._autojump = autojump
        self._alarms: dict[int, tuple[float, Callable[[], None]]] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the seconds that it shows."""
        return self._now

    def wall(self) -> float:
        """Return seconds since 1970: what it began with, and what it was advanced by."""
        return self._epoch + self._now

    def advance(self, seconds: float) -> None:
        """Let some seconds pass, and wake whose sleep ends in them, in the order of their ends."""
        seconds = checked_seconds("seconds", seconds)
        with self._lock:
            self._now += seconds
            due = self._due()
        for wake in due:
            wake()

    def sleepers(self) -> int:
        """Return how many sleep by this clock, for tests that advance it once somebody does."""
        return len(self._alarms)

    def sleep(self, waker: Waker, seconds: float) -> None:
        """Block until the waker is called or the clock has come so far."""
        with self._alarm(waker.wake, seconds):
            waker.sleep(math.inf)

    async def sleep_async(self, waker: LoopWaker, seconds: float) -> None:
        """Wait in an event loop until the waker is called or the clock has come so far."""
        with self._alarm(waker.wake, seconds):
            await waker.sleep(math.inf)

    @contextlib.contextmanager
    def _alarm(self, wake: Callable[[], None], seconds: float) -> Generator[None]:
        """Have a sleeper woken after some seconds."""
        number = next(self._numbers)
        with self._lock:
            end = self._now + seconds
            self._alarms[number] = (end, wake)
            if self._autojump and end < math.inf:
                self._now = max(self._now, end)
            due = self._due()
        try:
            for each in due:
                each()
            yield
        finally:
            with self._lock:
                self._alarms.pop(number, None)

    def _due(self) -> list[Callable[[], None]]:
        """Take out whose time has come; wants the lock."""
        due = sorted((end, number) for number, (end, _) in self._alarms.items() if end <= self._now)
        return [self._alarms.pop(number)[1] for _, number in due]

    def __enter__(self) -> Self:
        """Put this clock in force."""
        CLOCKS.set((*CLOCKS.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        """Return to the clock that was in force before."""
        CLOCKS.set(CLOCKS.get()[:-1])


@contextlib.contextmanager
def no_backoff() -> Generator[None]:
    """
    Let retries follow at once in the block: attempts are counted, and nobody sleeps in between.

    Examples
    --------
    >>> import lightwork as lw
    >>> from lightwork.testing import no_backoff
    >>> with no_backoff():
    ...     lw.Retry(attempts=1000, backoff=60.0, on=ZeroDivisionError, fallback=str).call(lambda: 1 // 0)
    'integer division or modulo by zero'
    """
    token = BACKOFF.set(False)
    try:
        yield
    finally:
        BACKOFF.reset(token)


@contextlib.contextmanager
def serial() -> Generator[None]:
    """
    Let calls over items run them in the calling thread, one after the other, whatever workers or executor they ask for.

    Policies hold as ever. Calls of async functions are in one thread anyway, and not concerned.

    Examples
    --------
    >>> import threading
    >>> import lightwork as lw
    >>> from lightwork.testing import serial
    >>> with serial():
    ...     set(lw.parallel_map(lambda _: threading.current_thread().name, range(4), workers=4))
    {'MainThread'}
    """
    with _inline(None):
        yield


@contextlib.contextmanager
def deterministic(seed: int) -> Generator[None]:
    """
    Let calls over items run them in the calling thread, in an order that is drawn from a seed.

    What relies on an order that threads do not promise fails for some seed, and then does so each time.

    Examples
    --------
    >>> import lightwork as lw
    >>> from lightwork.testing import deterministic
    >>> seen = []
    >>> with deterministic(seed=1):
    ...     list(lw.parallel_map(lambda x: x, range(5), on_result=lambda result: seen.append(result.index)))
    [0, 1, 2, 3, 4]
    >>> seen == sorted(seen)
    False
    """
    with _inline(Random(seed)):  # noqa: S311 - an order, and no secret
        yield


@contextlib.contextmanager
def _inline(random: Random | None) -> Generator[None]:
    token = INLINE.set(Inline(random))
    try:
        yield
    finally:
        INLINE.reset(token)
