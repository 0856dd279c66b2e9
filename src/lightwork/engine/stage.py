"""What is done with an item, and what it waits for: a function with its policies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from lightwork.engine.chunk import Batch, Chunk
from lightwork.engine.toll import Toll
from lightwork.policies.limiter import Limiter
from lightwork.policies.retry import Retry
from lightwork.policies.turnstile import Cost

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
    toll : Toll or None
        What the limiter asks for.
    ready : deque of Batch
        What could begin now.
    n_ready : int
        How many items these are.
    n_running : int
        How many chunks workers have.
    """

    def __init__(
        self, call: Callable[[Any], Any], retry: Retry | None = None, limiter: Limiter | None = None, n_workers: int | None = None, index: int = 0
    ) -> None:
        self.call = call
        self.retry = retry
        self.limiter = limiter
        self.toll: Toll | None = None if limiter is None else Toll(limiter)
        self.n_workers = n_workers
        self.index = index
        self.ready: deque[Batch] = deque()
        self.n_ready: int = 0
        self.n_running = 0

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
        if self.toll is not None:
            self.toll.leave()

    def pass_on(self, chunk: Chunk) -> None:
        """Let others ask for the next start, if a chunk's worker was to."""
        if self.toll is not None:
            self.toll.pass_on(chunk)

    @property
    def n_free(self) -> float:
        """How many more attempts may run at a time."""
        return float("inf") if self.n_workers is None else self.n_workers - self.n_running

    @property
    def is_open(self) -> bool:
        """Whether there is anything that could begin, as far as that can be told without asking a limiter."""
        return self.n_ready > 0 and (self.toll is None or self.toll.is_open)

    @property
    def next_cost(self) -> Cost | None:
        """What the next item counts for before the limiter, if there is one."""
        return self.ready[0].cost if self.ready else None

    @property
    def repeats_at_end(self) -> bool:
        """Whether what failed waits for all others."""
        return self.retry is not None and self.retry.when == "end"
