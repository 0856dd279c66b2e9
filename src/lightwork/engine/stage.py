"""What is done with an item, and what it waits for: a function with its policies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from lightwork.engine.chunk import Batch, Chunk
from lightwork.engine.timers import Timer
from lightwork.policies.limiter import Limiter
from lightwork.policies.retry import Retry
from lightwork.policies.turnstile import Place

__all__ = ["Stage"]


class Stage:
    """
    One function of a run, and the items that wait for it.

    A run has one stage, or several that each item passes one after the other.

    Parameters
    ----------
    call : callable
        Takes an item.
    retry : Retry, optional
        What is called again.
    limiter : Limiter, optional
        Paid right before each attempt.
    n_workers : int, optional
        How many attempts may run at a time.
    index : int
        Its number in the run.

    Attributes
    ----------
    ready : deque of Batch
        What could begin now.
    n_ready : int
        How many items these are.
    n_running : int
        How many chunks workers have.
    is_held_up : bool
        Whether the limiter has to be asked again first.
    leader : Chunk or None
        Whose worker will have the next start, if the limiter allows one: nobody else need ask for it.
    """

    def __init__(
        self, call: Callable[[Any], Any], retry: Retry | None = None, limiter: Limiter | None = None, n_workers: int | None = None, index: int = 0
    ) -> None:
        self.call = call
        self.retry = retry
        self.limiter = limiter
        self.n_workers = n_workers
        self.index = index
        self.ready: deque[Batch] = deque()
        self.n_ready = 0
        self.n_running = 0
        self.is_held_up = False
        self.leader: Chunk | None = None
        self.place: Place | None = None
        self.timer: Timer | None = None

    def add(self, batch: Batch, *, first: bool = False) -> None:
        """Let items wait for their turn, behind the others or before them."""
        self.n_ready += len(batch)
        if first:
            self.ready.appendleft(batch)
        else:
            self.ready.append(batch)

    def clear(self) -> None:
        """Forget what waits, and leave the limiter's line."""
        self.ready.clear()
        self.n_ready = 0
        if self.place is not None:
            self.place.leave()
            self.place = None

    @property
    def is_open(self) -> bool:
        """Whether there is anything that could begin, as far as is known."""
        return self.n_ready > 0 and not self.is_held_up and self.leader is None

    @property
    def n_free(self) -> float:
        """How many more attempts may run at a time."""
        return float("inf") if self.n_workers is None else self.n_workers - self.n_running

    def look(self, now: float) -> float:
        """Return how long the limiter would have the next item wait."""
        return 0.0 if self.limiter is None or not self.ready else self.limiter.look(now, self.ready[0].cost)

    def ask(self, now: float, cost: float, wake: Callable[[], object]) -> float:
        """Ask the limiter for a start; return 0, or how long to wait before asking again."""
        if self.limiter is None:
            return 0.0
        if self.place is None:
            if not (wait := self.limiter.grant(now, cost)):
                return wait
            self.place = self.limiter.line_up(wake)
        wait = self.place.grant(now, cost)  # again, now that nothing that changes the answer is missed
        if not wait:
            self.place = None
        return wait
