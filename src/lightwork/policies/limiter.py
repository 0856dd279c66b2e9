"""What counts how often something began, for everybody who shares it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Self

from lightwork._clock import LoopWaker, Waker, clock
from lightwork.policies.bucket import Bucket
from lightwork.policies.checks import checked_number, checked_seconds
from lightwork.policies.gate import Gate, Wake, lock
from lightwork.policies.rate import RateLimit

__all__ = ["Cost", "Limiter", "LimiterStatistics", "Place"]

Cost = float | Sequence[float]


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
    Thread-safe, and usable from several event loops at once. It belongs to its process: after a fork the child counts for itself.

    Examples
    --------
    >>> import lightwork as lw
    >>> limiter = lw.Limiter(lw.RateLimit(100, "minute", burst=2))
    >>> [limiter.try_acquire() for _ in range(3)]
    [True, True, False]
    """

    __slots__ = ("__weakref__", "_gates")

    def __init__(self, rate_limit: RateLimit | float) -> None:
        self._gates: tuple[Gate, ...] = (Gate(RateLimit.of(rate_limit)),)

    @classmethod
    def all(cls, *limiters: Limiter) -> Limiter:
        """
        Return a limiter that grants when each of some limiters does, and then takes from all of them at once.

        Parameters
        ----------
        *limiters : Limiter
            At least one; each may be used by itself, too, and be a combination.

        Returns
        -------
        Limiter
            Where it is asked for a cost, a number is what each of them is asked for, and a sequence has one number for each.

        Notes
        -----
        Who waits for all waits in the line of each, and holds up those behind.
        """
        gates = tuple(gate for limiter in limiters for gate in limiter._gates)
        if not gates:
            raise TypeError("Limiter.all() takes at least one limiter")
        if len(set(gates)) < len(gates):
            raise ValueError("a limiter can be combined with others, but not with itself; name each once")
        combined = cls.__new__(cls)
        combined._gates = gates
        return combined

    @property
    def limits(self) -> tuple[RateLimit, ...]:
        """The limits, one for each of the limiters that are combined here."""
        return tuple(gate.limit for gate in self._gates)

    # --- For who waits ----------------------------------------------------------------------------------------------

    def try_acquire(self, cost: Cost = 1.0) -> bool:
        """
        Start now if that is allowed and nobody waits; return whether it is.

        Parameters
        ----------
        cost : float or sequence of float, default 1
            What the start counts for; at most the burst.
        """
        return self._grant(None, clock().now(), self._costs(cost), starts=True) == 0

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
        costs, time = self._costs(cost), clock()
        end = time.now() + _timeout(timeout)
        waker = Waker()
        place = self.line_up(waker.wake)
        try:
            while wait := self._grant(place, now := time.now(), costs, starts=True):
                if now >= end:
                    return False
                time.sleep(waker, min(wait, end - now))
        finally:
            place.leave()
        return True

    async def acquire_async(self, timeout: float | None = None, cost: Cost = 1.0) -> bool:
        """Do what :meth:`acquire` does, without holding up the event loop; a wait that is cancelled uses up nothing."""
        costs, time = self._costs(cost), clock()
        end = time.now() + _timeout(timeout)
        waker = LoopWaker()
        place = self.line_up(waker.wake)
        try:
            while wait := self._grant(place, now := time.now(), costs, starts=True):
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

    def pause(self, seconds: float = math.inf) -> None:
        """
        Allow no start for some seconds from now, or until :meth:`resume`.

        Of several pauses the one that ends last counts. What was granted already may start.
        """
        until = clock().now() + checked_seconds("seconds", seconds, finite=False)
        with lock():
            for gate in self._gates:
                gate.bucket = gate.bucket._replace(paused_until=max(gate.bucket.paused_until, until))

    def resume(self) -> None:
        """End every pause."""
        with lock():
            for gate in self._gates:
                gate.bucket = gate.bucket._replace(paused_until=-math.inf)
        self._call_first()

    def statistics(self) -> LimiterStatistics:
        """Return a frozen snapshot; of limiters that are combined, the largest of each number."""
        now = clock().now()
        with lock():
            rows = [
                (
                    gate.granted,
                    gate.withdrawn,
                    len(gate.line),
                    gate.bucket.pending,
                    gate.bucket.level(now),
                    max(gate.bucket.paused_until - now, 0.0),
                )
                for gate in self._gates
            ]
        return LimiterStatistics(*map(max, zip(*rows, strict=True)))

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
        return self._grant(None, now, self._costs(cost))

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
        costs = self._costs(cost)
        with lock():
            self._change([gate.bucket.withdrawn(each).filled(now, each) for gate, each in zip(self._gates, costs, strict=True)])
        self._call_first()

    def withdraw(self, cost: Cost = 1.0) -> None:
        """Give back what was granted and will not start; `cost` as it was granted."""
        costs = self._costs(cost)
        with lock():
            self._change([gate.bucket.withdrawn(each) for gate, each in zip(self._gates, costs, strict=True)])
            for gate in self._gates:
                gate.withdrawn += 1
        self._call_first()

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
        place = Place(self)
        with lock():
            for gate in self._gates:
                gate.line[place] = callback
        return place

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _costs(self, cost: Cost) -> tuple[float, ...]:
        """Return what is asked of each gate."""
        given = cost if isinstance(cost, Sequence) else (cost,) * len(self._gates)
        if len(given) != len(self._gates):
            raise ValueError(f"cost must be one number, or one for each of {len(self._gates)} limiters, not {cost!r}")
        for gate, each in zip(self._gates, given, strict=True):
            if not 0 <= checked_number("cost", each) <= gate.bucket.burst:
                raise ValueError(f"cost must be from 0 to the burst of its limit, {gate.limit.burst!r}, not {each!r}; allow for a larger burst")
        return tuple(map(float, given))

    def _grant(self, place: Place | None, now: float, costs: tuple[float, ...], *, starts: bool = False) -> float:
        """Let a place in, who starts at once or will report; return 0, or how long to wait."""
        with lock():
            if not all(gate.is_open_to(place) for gate in self._gates):
                return math.inf
            buckets = [gate.bucket for gate in self._gates]
            wait = max(bucket.wait(now, cost) for bucket, cost in zip(buckets, costs, strict=True))
            if wait:
                return wait
            self._change([bucket.filled(now, cost) if starts else bucket.granted(cost) for bucket, cost in zip(buckets, costs, strict=True)])
            for gate in self._gates:
                gate.granted += 1
                gate.line.pop(place, None)
        self._call_first()
        return 0.0

    def _change(self, buckets: Sequence[Bucket]) -> None:
        for gate, bucket in zip(self._gates, buckets, strict=True):
            gate.bucket = bucket

    def _leave(self, place: Place) -> None:
        with lock():
            was_first = any(gate.is_open_to(place) for gate in self._gates)
            for gate in self._gates:
                gate.line.pop(place, None)
        if was_first:
            self._call_first()

    def _call_first(self) -> None:
        """Call whoever is first in a line, once."""
        with lock():
            wakes = {id(wake): wake for gate in self._gates if (wake := gate.first()) is not None}
        for wake in wakes.values():
            wake()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a limiter belongs to its process and cannot be pickled; send its RateLimit, and pay where the calls are handed out")

    def __repr__(self) -> str:
        if len(self._gates) > 1:
            return f"{type(self).__name__}.all({', '.join(map(repr, self.limits))})"
        return f"{type(self).__name__}({self.limits[0]!r})"


class Place:
    """A place in a limiter's line, made by :meth:`Limiter.line_up`; gone once it was granted or left."""

    __slots__ = ("_limiter",)

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    def grant(self, now: float, cost: Cost = 1.0) -> float:
        """Let something start if this is the first place in line, and leave the line; as :meth:`Limiter.grant`."""
        return self._limiter._grant(self, now, self._limiter._costs(cost))  # noqa: SLF001 - its limiter's

    def leave(self) -> None:
        """Give the place up; again, or after a grant, that does nothing."""
        self._limiter._leave(self)  # noqa: SLF001


def _timeout(timeout: float | None) -> float:
    return math.inf if timeout is None else checked_seconds("timeout", timeout, finite=False)
