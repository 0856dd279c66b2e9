"""What calls cost, measured while they are made for their own sake."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Sounding", "Tally", "Typical", "typical"]


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
    """Sums of what the calls of one thread took, and what the system said when it began."""

    __slots__ = ("began", "cpu_seconds", "delay", "ended", "n_calls", "seconds", "thread")

    def __init__(self, thread: int, began: float) -> None:
        self.thread: int = thread
        self.delay: float = delay_of(thread)
        self.began: float = began
        self.ended: float = began
        self.n_calls: int = 0
        self.seconds: float = 0.0
        self.cpu_seconds: float = 0.0

    def waited(self) -> float:
        """Return the seconds without a CPU, less those for which it had to wait for one."""
        return max(self.seconds - self.cpu_seconds - max(delay_of(self.thread) - self.delay, 0.0), 0.0)


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
        began, cpu = self._now(), time.thread_time()
        try:
            value = self.call(item)
        finally:
            tally.cpu_seconds += time.thread_time() - cpu
            tally.ended = self._now()
            tally.seconds += tally.ended - began
            tally.n_calls += 1
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
    cpu, wait = sum(tally.cpu_seconds for tally in tallies), sum(tally.waited() for tally in tallies)
    return Typical(n_calls, cpu / n_calls, wait / n_calls, n_at_once)


def delay_of(thread: int) -> float:
    """Return the seconds for which a thread of this process has waited for a CPU; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/self/task/{thread}/schedstat").read_bytes().split()[1]) * 1e-9
    return 0.0
