"""How many items a worker takes at a time."""

from __future__ import annotations

__all__ = ["Grain"]

# Guesses, measured to be good enough: a chunk should take long against what it costs to hand it over (some microseconds),
# and short against what people notice.
CHUNK_SECONDS = 200e-6
LARGEST = 4096
LARGEST_AT_ONCE = 512  # however few there are


class Grain:
    """
    What is found out about it: so many that they take about 200 µs, by halves and doubles.

    Parameters
    ----------
    chunk_size : int or None
        Where it is known beforehand.

    Attributes
    ----------
    size : int
        How many it is now.
    """

    def __init__(self, chunk_size: int | None) -> None:
        self.size: int = chunk_size or 1
        self._is_fixed = chunk_size is not None

    def learn(self, seconds: float) -> None:
        """Take into account what an item took."""
        if not self._is_fixed:
            fitting = CHUNK_SECONDS / seconds if seconds > 0 else LARGEST
            self.size = int(max(min(fitting, 2 * self.size, LARGEST), self.size // 2, 1))

    def halve(self) -> None:
        """Take into account that a chunk took far too long."""
        if not self._is_fixed:
            self.size = max(self.size // 2, 1)

    def window(self, n_workers: int) -> int:
        """Return how many items to have at hand: two chunks for each worker."""
        return 2 * n_workers * (self.size if self._is_fixed else min(self.size, LARGEST_AT_ONCE))

    def share(self, n_ready: int) -> int:
        """Return how many of those that are at hand a worker takes: a large chunk leaves three parts in four to others."""
        return self.size if self._is_fixed else min(self.size, max(n_ready // 4, LARGEST_AT_ONCE))
