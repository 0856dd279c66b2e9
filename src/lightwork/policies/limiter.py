"""What counts how often something began, for everybody who shares it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple
from typing import NoReturn, Self

from lightwork._clock import LoopWaker, Waker, clock
from lightwork._log import LOGGER
from lightwork.policies.checks import check_callable, checked_seconds
from lightwork.policies.gate import Gate, LimiterStatistics, Wake, lock
from lightwork.policies.rate import RateLimit
from lightwork.policies.turnstile import Cost, Place, Turnstile

__all__ = ["Limiter"]


class Limiter:
    """
    A rate limit at work, shared between threads, calls and event loops.

    However many share it, in any window of `T` seconds at most ``rate * T + burst`` of them start. Who comes first is first
    served; who waits holds no lock and does not poll, and nobody passes by on the side.

    Parameters
    ----------
    rate_limit : RateLimit or float
        The limit, or a number of starts per second.

    Notes
    -----
    Thread-safe, and usable from several event loops at once. It belongs to its process: after a fork the child counts for itself, what
    has started included, and finds nobody in line.

    Examples
    --------
    >>> import lightwork as lw
    >>> limiter = lw.Limiter(lw.RateLimit(100, "minute", burst=2))
    >>> [limiter.try_acquire() for _ in range(3)]
    [True, True, False]
    """

    __slots__ = ("__weakref__", "_turnstile")

    def __init__(self, rate_limit: RateLimit | float) -> None:
        self._turnstile = Turnstile((Gate(RateLimit.of(rate_limit)),))

    @classmethod
    def all(cls, *limiters: Limiter) -> Limiter:
        """
        Return a limiter that grants when each of some limiters does, and then takes from all of them at once.

        Parameters
        ----------
        *limiters : Limiter
            At least one. Each may be used by itself as well, and may be a combination.

        Returns
        -------
        Limiter
            Where it takes a cost, a number is for each of them, and a sequence has one number for each.

        Notes
        -----
        Who waits for all waits in the line of each, and holds up those behind.
        """
        gates = tuple(gate for limiter in limiters for gate in limiter._turnstile.gates)  # noqa: SLF001 - of its own class
        if not gates:
            raise TypeError("Limiter.all() takes at least one limiter")
        if len(set(gates)) < len(gates):
            raise ValueError("a limiter can be combined with others, but not with itself; name each once")
        combined = cls(1)
        combined._turnstile = Turnstile(gates)
        return combined

    @property
    def limits(self) -> tuple[RateLimit, ...]:
        """What it keeps to: one limit, or those of the limiters that are combined."""
        return tuple(gate.limit for gate in self._turnstile.gates)

    # --- For who waits ----------------------------------------------------------------------------------------------

    def try_acquire(self, cost: Cost = 1.0) -> bool:
        """
        Start now if that is allowed and nobody waits; return whether it is.

        Parameters
        ----------
        cost : float or sequence of float, default 1
            What the start counts for; at most the burst.
        """
        return self._turnstile.start(None, clock().now(), self._turnstile.costs(cost)) == 0

    def acquire(self, timeout: float | None = None, cost: Cost = 1.0) -> bool:
        """
        Wait in line until a start is allowed, and start.

        Parameters
        ----------
        timeout : float, optional
            How many seconds to wait at most.
        cost : float or sequence of float, default 1
            What the start counts for; at most the burst.

        Returns
        -------
        bool
            False if the time was up before; nothing is used up then.
        """
        costs, time = self._turnstile.costs(cost), clock()
        end = time.now() + _timeout(timeout)
        waker = Waker()
        place = self._turnstile.line_up(waker.wake)
        try:
            while wait := self._turnstile.start(place, now := time.now(), costs):
                if now >= end:
                    return False
                time.sleep(waker, min(wait, end - now))
        finally:
            place.leave()
        return True

    async def acquire_async(self, timeout: float | None = None, cost: Cost = 1.0) -> bool:  # noqa: ASYNC109 - as acquire() has it
        """Do what :meth:`acquire` does, without holding up the event loop; a wait that is cancelled uses up nothing."""
        costs, time = self._turnstile.costs(cost), clock()
        end = time.now() + _timeout(timeout)
        waker = LoopWaker()
        place = self._turnstile.line_up(waker.wake)
        try:
            while wait := self._turnstile.start(place, now := time.now(), costs):
                if now >= end:
                    return False
                await time.sleep_async(waker, min(wait, end - now))
        finally:
            place.leave()
        return True

    def __enter__(self) -> Self:
        """Wait until a start is allowed; the block is what starts."""
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: what counts is the start."""

    async def __aenter__(self) -> Self:
        """Wait until a start is allowed; the block is what starts."""
        await self.acquire_async()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Do nothing: what counts is the start."""

    def pause(self, seconds: float = math.inf, *, now: float | None = None) -> None:
        """
        Allow no start for some time, or until :meth:`resume`.

        Of several pauses the one that ends last counts. What was granted already may start.

        Parameters
        ----------
        seconds : float, optional
            How long.
        now : float, optional
            The time from which it counts; by default the present.
        """
        begin = clock().now() if now is None else now
        self._turnstile.pause(begin + checked_seconds("seconds", seconds, finite=False))
        LOGGER.info("a limiter allows no start for %.3f s", seconds)

    def resume(self) -> None:
        """End every pause."""
        self._turnstile.resume()

    def statistics(self) -> LimiterStatistics:
        """Return a frozen snapshot; of limiters that are combined, the largest of each number."""
        now = clock().now()
        with lock():
            each = [gate.statistics(now) for gate in self._turnstile.gates]
        return LimiterStatistics(*map(max, zip(*map(astuple, each), strict=True)))

    # --- For schedulers ---------------------------------------------------------------------------------------------

    def grant(self, now: float, cost: Cost = 1.0) -> float:
        """
        Let something start, if that is allowed and nobody is in line.

        What was granted is pending, and counts in full, until it is reported by :meth:`started` or :meth:`withdraw`.

        Parameters
        ----------
        now : float
            The time, by the clock that tells when it started.
        cost : float or sequence of float, default 1
            What the start counts for; at most the burst.

        Returns
        -------
        float
            0 if it was granted; else in how many seconds to ask again, infinity if only an event will change the answer:
            another report, the end of a pause that has no time, or of the line.
        """
        return self._turnstile.admit(None, now, self._turnstile.costs(cost))

    def started(self, now: float, cost: Cost = 1.0) -> None:
        """
        Report when something that was granted began.

        Parameters
        ----------
        now : float
            When it really began, which may be some time ago.
        cost : float or sequence of float, default 1
            As it was granted.
        """
        self._turnstile.started(now, self._turnstile.costs(cost))

    def withdraw(self, cost: Cost = 1.0) -> None:
        """Give back what was granted and will not start; `cost` as it was granted."""
        self._turnstile.withdraw(self._turnstile.costs(cost))

    def start(self, now: float, cost: Cost = 1.0) -> float:
        """
        Let something start that begins at this moment, if that is allowed and nobody is in line.

        Parameters
        ----------
        now : float
            The time at which it begins.
        cost : float or sequence of float, default 1
            What the start counts for; at most the burst.

        Returns
        -------
        float
            As :meth:`grant`; there is nothing to be reported.
        """
        return self._turnstile.start(None, now, self._turnstile.costs(cost))

    def checked(self, cost: Cost) -> Cost:
        """Return a cost, if it is one that can ever be granted: a number, or one for each of the limits."""
        self._turnstile.costs(cost)
        return tuple(cost) if isinstance(cost, Sequence) else float(cost)

    def look(self, now: float, cost: Cost = 1.0) -> float:
        """Return what :meth:`grant` and :meth:`start` would; nothing is let in."""
        return self._turnstile.look(now, self._turnstile.costs(cost))

    def line_up(self, callback: Wake) -> Place:
        """
        Take the last place in line.

        Parameters
        ----------
        callback : callable
            Called without arguments, from any thread, no lock being held, when the place has become the first or, being the
            first, may be granted sooner than it was told. It should be quick and must not raise.

        Returns
        -------
        Place
            To be granted once, or left.
        """
        check_callable("callback", callback, "nothing")
        return self._turnstile.line_up(callback)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a limiter belongs to its process and cannot be pickled; send its RateLimit, and pay where the calls are handed out")

    def __repr__(self) -> str:
        limits = ", ".join(map(repr, self.limits))
        return f"{type(self).__name__}{'.all' if len(self.limits) > 1 else ''}({limits})"


def _timeout(timeout: float | None) -> float:
    return math.inf if timeout is None else checked_seconds("timeout", timeout, finite=False)
