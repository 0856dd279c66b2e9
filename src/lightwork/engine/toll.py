"""What a stage's items pay before they begin: a limiter, as a run meets it."""

from __future__ import annotations

import math
from collections.abc import Callable

from lightwork.engine.chunk import Chunk
from lightwork.engine.timers import Timer, Timers
from lightwork.policies.limiter import Limiter
from lightwork.policies.turnstile import Cost, Place

__all__ = ["Toll"]


class Toll:
    """
    A limiter with the run's place in its line, and what is known of its next answer.

    Parameters
    ----------
    limiter : Limiter
        Paid right before each attempt.

    Attributes
    ----------
    is_held_up : bool
        Whether it has to be asked again first.
    n_held_up : int
        How often that has come.
    leader : Chunk or None
        Whose worker will have the next start, if there is one: nobody else need ask for it.
    """

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.is_held_up: bool = False
        self.n_held_up: int = 0
        self.leader: Chunk | None = None
        self._place: Place | None = None
        self._timer: Timer | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may be asked."""
        return not self.is_held_up and self.leader is None

    def lets_in(self, cost: Cost, now: float, timers: Timers, wake: Callable[[], object]) -> bool:
        """Ask for a start. If there is none, no one asks before it calls `wake`, or before the time that it said."""
        wait = self._ask(cost, now, wake)
        self._hold_up(wait > 0)
        self._come_again(wait, now, timers)
        return not wait

    def has_begun(self, chunk: Chunk, next_cost: Cost | None, now: float, timers: Timers) -> None:
        """Note that a start of the leader's was reported, and look whether others should ask for the one after it, if there is one."""
        wait = 0.0 if next_cost is None else self.limiter.look(now, next_cost)
        if not wait or len(chunk.items) == 1:  # else its worker goes on by itself
            self.leader = None
            self._hold_up(0 < wait < math.inf)  # else somebody has to get in line
            self._come_again(wait, now, timers)

    def pass_on(self, chunk: Chunk) -> None:
        """Let others ask, if it was a chunk's worker who would."""
        if self.leader is chunk:
            self.leader = None

    def ask_again(self, timers: Timers) -> None:
        """Forget what it said."""
        self.is_held_up = False
        timers.cancel(self._timer)

    def leave(self) -> None:
        """Give up the place in line."""
        if self._place is not None:
            self._place.leave()
            self._place = None

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _ask(self, cost: Cost, now: float, wake: Callable[[], object]) -> float:
        if self._place is None:
            if not (wait := self.limiter.grant(now, cost)):
                return wait
            self._place = self.limiter.line_up(wake)
        wait = self._place.grant(now, cost)  # again, now that nothing that changes the answer is missed
        if not wait:
            self._place = None
        return wait

    def _hold_up(self, is_held_up: bool) -> None:
        self.is_held_up = is_held_up
        self.n_held_up += is_held_up

    def _come_again(self, wait: float, now: float, timers: Timers) -> None:
        if 0 < wait < math.inf:
            self._timer = timers.set(now + wait, self._may_ask)

    def _may_ask(self, _: object, _now: float) -> None:
        self.is_held_up = False
