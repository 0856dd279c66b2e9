"""What calls cost, measured while they are made for their own sake."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Sounding", "Tally", "Typical", "typical"]

NOTABLE_SECONDS = 100e-6  # less than for which systems take a thread's CPU away


class Typical(NamedTuple):
    """
    What calls cost on the average.

    Attributes
    ----------
    n_calls : int
    cpu_seconds, wait_seconds : float
        Of a call: with a CPU, and without one though it could have had one.
    n_at_once : float
        How many were under way at a time.
    """

    n_calls: int
    cpu_seconds: float
    wait_seconds: float
    n_at_once: float

    @property
    def seconds(self) -> float:
        """Of a call, on a CPU that nobody else wants."""
        return self.cpu_seconds + self.wait_seconds

    @property
    def wait_share(self) -> float:
        """How much of a call it waits."""
        return self.wait_seconds / self.seconds if self.seconds else 0.0


class Tally:
    """
    Sums of what the calls of one thread took.

    What the system says a thread waited for a CPU is asked for where it may matter, as that takes as long as a short call: after a
    call with a notable wait, and before one that comes long after the last. What the thread waits between its calls is no part of them.
    """

    __slots__ = ("_delay", "began", "cpu_seconds", "ended", "n_calls", "seconds", "thread", "wait_seconds")

    def __init__(self, thread: int, began: float) -> None:
        self.thread: int = thread
        self.began: float = began
        self.ended: float = began
        self.n_calls: int = 0
        self.seconds: float = 0.0
        self.cpu_seconds: float = 0.0
        self.wait_seconds: float = 0.0  # without a CPU, though it could have had one
        self._delay: float = delay_of(thread)

    def begin(self, now: Callable[[], float]) -> float:
        """Return when a call begins."""
        if now() - self.ended > NOTABLE_SECONDS:
            self._delay = delay_of(self.thread)
        return now()

    def end(self, began: float, cpu_seconds: float, now: Callable[[], float]) -> None:
        """Add a call that ends now."""
        self.ended = now()
        seconds = self.ended - began
        self.n_calls += 1
        self.seconds += seconds
        self.cpu_seconds += cpu_seconds
        self.wait_seconds += self._waited(seconds - cpu_seconds, now)

    def _waited(self, seconds: float, now: Callable[[], float]) -> float:
        """Return how much of some seconds without a CPU nobody else had it."""
        if seconds <= NOTABLE_SECONDS:
            return max(seconds, 0.0)
        before, self._delay = self._delay, delay_of(self.thread)
        since = now() - self.ended  # another may have taken the CPU just after the call
        return min(max(seconds - max(self._delay - before - since, 0.0), 0.0), seconds)


class Sounding:
    """
    Calls a function, and measures that.

    Parameters
    ----------
    call : callable
        Takes an item.
    now : callable
        Tells the time.

    Attributes
    ----------
    call : callable
        The function.
    example : tuple or None
        An item and its value, if one succeeded.
    """

    def __init__(self, call: Callable[[Any], Any], now: Callable[[], float]) -> None:
        self.call = call
        self.example: tuple[Any, Any] | None = None
        self._now = now
        self._tallies: dict[int, Tally] = {}

    def __call__(self, item: Any) -> Any:
        """Make the call."""
        tally = self._tallies.get(threading.get_ident()) or self._begin()
        began, cpu = tally.begin(self._now), time.thread_time()
        try:
            value = self.call(item)
        finally:
            tally.end(began, time.thread_time() - cpu, self._now)
        self.example = (item, value)
        return value

    def _begin(self) -> Tally:
        tally = self._tallies[threading.get_ident()] = Tally(threading.get_native_id(), self._now())
        return tally

    def sample(self) -> tuple[Callable[[Any], Any], Any, Any]:
        """Return the function, and an item and its value, or None twice."""
        item, value = self.example or (None, None)
        return self.call, item, value

    def tallies(self) -> list[Tally]:
        """Return what was measured, by thread."""
        return list(self._tallies.values())

    def begin_anew(self) -> None:
        """Forget what was measured, for something has changed; no call is under way."""
        self._tallies = {}


def typical(tallies: Sequence[Tally]) -> Typical:
    """Return what calls cost on the average."""
    n_calls = sum(tally.n_calls for tally in tallies)
    if not n_calls:
        return Typical(0, 0.0, 0.0, 0.0)
    span = max(tally.ended for tally in tallies) - min(tally.began for tally in tallies)
    n_at_once = sum(tally.seconds for tally in tallies) / span if span else 1.0
    cpu, wait = sum(tally.cpu_seconds for tally in tallies), sum(tally.wait_seconds for tally in tallies)
    return Typical(n_calls, cpu / n_calls, wait / n_calls, n_at_once)


def delay_of(thread: int) -> float:
    """Return the seconds for which a thread of this process has waited for a CPU; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_bytes().split()[1]) * 1e-9
    return 0.0
