"""One or several gates that are passed all at once, in turn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from lightwork.policies.bucket import Bucket
from lightwork.policies.checks import checked_number
from lightwork.policies.gate import Gate, Wake, lock

__all__ = ["Cost", "Costs", "Place", "Turnstile"]

Cost = float | Sequence[float]
Costs = tuple[tuple[Gate, float], ...]  # each gate with what is asked of it, checked


class Turnstile:
    """
    Lets in through all of its gates, or through none.

    Attributes
    ----------
    gates : tuple of Gate
        Each may belong to other turnstiles as well.
    """

    __slots__ = ("gates",)

    def __init__(self, gates: tuple[Gate, ...]) -> None:
        self.gates: tuple[Gate, ...] = gates

    def costs(self, cost: Cost) -> Costs:
        """Return what is asked of each gate."""
        if type(cost) is float and len(self.gates) == 1 and 0.0 <= cost <= self.gates[0].limit.burst:
            return ((self.gates[0], cost),)  # at once: nearly always it is so, and asking for abstract types takes longer than all the rest
        given = tuple(cost) if isinstance(cost, Sequence) else (cost,) * len(self.gates)
        if len(given) != len(self.gates):
            raise ValueError(f"cost must be one number, or one for each of {len(self.gates)} limits, not {cost!r}")
        for gate, each in zip(self.gates, given, strict=True):
            if not 0 <= checked_number("cost", each) <= gate.limit.burst:
                raise ValueError(f"cost must be from 0 to the limit's burst, {gate.limit.burst!r}, not {each!r}; allow a larger burst")
        return tuple((gate, float(each)) for gate, each in zip(self.gates, given, strict=True))

    def admit(self, place: Place | None, now: float, costs: Costs) -> float:
        """Let a place in, to be reported when it starts; return 0, or how long to wait."""
        n_entered = 0
        try:
            with lock():
                if wait := self._wait(place, now, costs):
                    return wait
                for gate, cost in costs:
                    gate.change(Bucket.granted, cost)
                    n_entered += 1
                self._let_go(place)
                wakes = self._first()
            for wake in wakes:
                wake()
        except BaseException:  # such as Ctrl-C: who asked will not hear that it was let in
            self._withdraw(costs[:n_entered])
            raise
        return 0.0

    def start(self, place: Place | None, now: float, costs: Costs) -> float:
        """Let a place in that starts at this moment; return 0, or how long to wait."""
        with lock():
            if wait := self._wait(place, now, costs):
                return wait
            for gate, cost in costs:
                gate.change(Bucket.filled, now, cost)
            self._let_go(place)
            wakes = self._first()
        for wake in wakes:
            wake()
        return 0.0

    def look(self, now: float, costs: Costs) -> float:
        """Return how long to wait at least before anybody else is let in; 0 if there is room and no line."""
        with lock():
            return self._wait(None, now, costs)

    def started(self, now: float, costs: Costs) -> None:
        """Take note of when something that was let in began."""
        with lock():
            for gate, cost in costs:
                gate.report(now, cost)
            wakes = self._first()
        for wake in wakes:
            wake()

    def withdraw(self, costs: Costs) -> None:
        """Take back what was let in and will not start."""
        self._withdraw(costs)
        self.call_first()

    def line_up(self, callback: Wake) -> Place:
        """Return the last place in every line."""
        place = Place(self, callback)
        with lock():
            place.line_up()
        return place

    def leave(self, place: Place) -> None:
        """Take a place out of every line, and call who is first now."""
        with lock():
            was_first = any(gate.is_open_to(place) for gate in self.gates)
            for gate in self.gates:
                gate.line.pop(place, None)
        if was_first:
            self.call_first()

    def pause(self, until: float) -> None:
        """Let nobody in before some time."""
        with lock():
            for gate in self.gates:
                gate.change(Bucket.paused, until)

    def resume(self) -> None:
        """Let in again."""
        with lock():
            for gate in self.gates:
                gate.change(Bucket.resumed)
        self.call_first()

    def call_first(self) -> None:
        """Call whoever is the first in a line, once."""
        with lock():
            wakes = self._first()
        for wake in wakes:
            wake()

    def _wait(self, place: Place | None, now: float, costs: Costs) -> float:
        """Return 0 if a place may pass, else how long to wait; wants the lock."""
        wait = 0.0
        if place is not None and place.is_let_go:
            place.line_up()
        for gate, cost in costs:
            if not gate.is_open_to(place):
                return math.inf
            if (each := gate.bucket.wait(now, cost)) > wait:
                wait = each
        return wait

    def _let_go(self, place: Place | None) -> None:
        """Count a place that was let in, and take it out of every line; wants the lock."""
        for gate in self.gates:
            gate.n_granted += 1
            gate.line.pop(place, None)

    def _first(self) -> Iterable[Wake]:
        """Return what to call for whoever is the first in a line, once; wants the lock."""
        wakes: dict[int, Wake] = {}
        for gate in self.gates:
            if (wake := gate.first()) is not None:
                wakes[id(wake)] = wake
        return wakes.values()

    def _withdraw(self, costs: Costs) -> None:
        with lock():
            for gate, cost in costs:  # fewer, where letting in ended halfway
                gate.report(None, cost)
                gate.n_withdrawn += 1


class Place:
    """A place in a limiter's line, made by :meth:`Limiter.line_up`; gone once it was granted or left."""

    __slots__ = ("_callback", "_line", "_turnstile")

    def __init__(self, turnstile: Turnstile, callback: Wake) -> None:
        self._turnstile = turnstile
        self._callback = callback
        self._line: object = None

    @property
    def is_let_go(self) -> bool:
        """Whether it was in a parent's line: a forked child has another, in which it is taken anew by who asks for it."""
        return self._line is not self._turnstile.gates[0].line

    def line_up(self) -> None:
        """Be the last in every line; wants the lock."""
        self._line = self._turnstile.gates[0].line
        for gate in self._turnstile.gates:
            gate.line[self] = self._callback

    def grant(self, now: float, cost: Cost = 1.0) -> float:
        """Let something start if this is the first place in line, and give the place up; otherwise as :meth:`Limiter.grant`."""
        return self._turnstile.admit(self, now, self._turnstile.costs(cost))

    def leave(self) -> None:
        """Give the place up; again, or after a grant, that does nothing."""
        self._turnstile.leave(self)
