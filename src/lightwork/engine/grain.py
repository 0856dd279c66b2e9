"""How many items a worker takes at a time."""

from __future__ import annotations

import math

__all__ = ["Grain", "RemoteGrain"]

# Guesses, measured to be good enough: a chunk should take long against what it costs to hand it over (some microseconds),
# and short against what people notice.
CHUNK_SECONDS = 200e-6
REMOTE_CHUNK_SECONDS = 50e-3  # in other processes, where to hand one over takes half a millisecond
REMOTE_LEAST = 25  # of those are no less than what is worth a journey at the end
OVERDUE_SECONDS = 20e-3  # a chunk takes far too long: against its usual time
OVERDUE_CHUNKS = 5  # and as many of those, where chunks are meant to take long
LARGEST = 4096
LARGEST_AT_ONCE = 512  # however few there are


class Grain:
    """
    What is found out about it: so many that they take about 200 µs; the next are at most eight times as many, and at least half as many.

    Parameters
    ----------
    chunk_size : int or None
        Where it is known beforehand.

    Attributes
    ----------
    size : int
        How many it is now.
    """

    chunk_seconds = CHUNK_SECONDS  # what a chunk should take
    growth = 8  # how many times as large the next one may be: each step costs as much as hundreds of small items

    def __init__(self, chunk_size: int | None) -> None:
        self.size: int = chunk_size or 1
        self._is_fixed = chunk_size is not None

    def learn(self, seconds: float) -> None:
        """Take into account what an item took."""
        if not self._is_fixed:
            fitting = self.chunk_seconds / seconds if seconds > 0 else LARGEST
            self.size = int(max(min(fitting, self.growth * self.size, LARGEST), self.size // 2, 1))

    @property
    def overdue_seconds(self) -> float:
        """After how long a chunk takes far too long."""
        return max(OVERDUE_SECONDS, OVERDUE_CHUNKS * self.chunk_seconds)

    def halve(self) -> None:
        """Take into account that a chunk took far too long."""
        if not self._is_fixed:
            self.size = max(self.size // 2, 1)

    def window(self, n_workers: int) -> int:
        """Return how many items to have at hand: two chunks for each worker."""
        return 2 * n_workers * (self.size if self._is_fixed else min(self.size, LARGEST_AT_ONCE))

    def share(self, n_ready: int) -> int:
        """Return how many of those that are at hand a worker takes: a large chunk leaves half to others."""
        return self.size if self._is_fixed else min(self.size, max(n_ready // 2, LARGEST_AT_ONCE))


class RemoteGrain(Grain):
    """
    What is found out where chunks cannot be taken back from who has them: they take about 50 ms, and less towards the end, down to 2 ms.

    Parameters
    ----------
    chunk_size : int or None
        As of :class:`Grain`.
    n_workers : int
        How many share what is at hand.
    """

    chunk_seconds = REMOTE_CHUNK_SECONDS

    def __init__(self, chunk_size: int | None, n_workers: int) -> None:
        super().__init__(chunk_size)
        self._n_workers = n_workers

    def share(self, n_ready: int) -> int:
        """Return how many of those that are at hand a worker takes: two thirds of its share, so that all end together."""
        return self.size if self._is_fixed else min(self.size, max(math.ceil(2 * n_ready / (3 * self._n_workers)), self.size // REMOTE_LEAST, 1))
