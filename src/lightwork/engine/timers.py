"""What is due when: one heap for everything that a run waits for."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

__all__ = ["Timer", "Timers"]

N_SPENT = 64  # cancelled timers that are kept at least before the heap is swept: a guess that keeps sweeps rare


class Timer:
    """Something to be done at a time, unless it is cancelled before."""

    __slots__ = ("action", "argument", "due", "is_set", "order")

    def __init__(self, due: float, order: int, action: Callable[[Any, float], object], argument: Any) -> None:
        self.due: float = due
        self.order: int = order
        self.action: Callable[[Any, float], object] = action
        self.argument: Any = argument
        self.is_set: bool = True

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self.order) < (other.due, other.order)


class Timers:
    """
    Timers by the time at which they are due; those due at the same time in the order in which they were set.

    Setting and running cost the logarithm of their number; cancelling costs a constant, for the heap is swept when half of it
    is cancelled.
    """

    __slots__ = ("_heap", "_n_set", "_n_spent")

    def __init__(self) -> None:
        self._heap: list[Timer] = []
        self._n_set = 0
        self._n_spent = 0

    def set(self, due: float, action: Callable[[Any, float], object], argument: Any = None) -> Timer:
        """Have ``action(argument, now)`` called at a time."""
        self._n_set += 1
        timer = Timer(due, self._n_set, action, argument)
        heappush(self._heap, timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer, if there is one and it has not run."""
        if timer is None or not timer.is_set:
            return
        timer.is_set = False
        timer.argument = None
        self._n_spent += 1
        if self._n_spent > N_SPENT and self._n_spent * 2 > len(self._heap):
            self._heap = [other for other in self._heap if other.is_set]
            heapify(self._heap)
            self._n_spent = 0

    def clear(self) -> None:
        """Forget all."""
        self._heap.clear()
        self._n_spent = 0

    @property
    def next_due(self) -> float:
        """When the next is due; infinity if there is none."""
        self._drop_spent()
        return self._heap[0].due if self._heap else math.inf

    def run(self, now: float) -> None:
        """Run what is due."""
        while self.next_due <= now:
            timer = heappop(self._heap)
            timer.is_set = False
            timer.action(timer.argument, now)

    def _drop_spent(self) -> None:
        while self._heap and not self._heap[0].is_set:
            heappop(self._heap)
            self._n_spent -= 1
