"""How many calls to hand over together."""

from __future__ import annotations

__all__ = ["Pace"]

BATCH_SECONDS = 1e-3  # what joblib does for a batch, some 30 us, is little beside it, and so is waiting behind one
FORGETTING = 0.5  # of what was seen before, with each batch
SHARE = 4  # a batch is no more than a quarter of all that was seen, in case that what comes is different


class Pace:
    """
    Measures how long calls take, and cuts batches of about a millisecond.

    Calls of half a millisecond and more stay alone, so results come as soon, and the work is as evenly spread, as without batches.

    Attributes
    ----------
    batch_size : int
        How many calls the next batch should have.
    """

    __slots__ = ("_n_recent", "_n_seen", "_recent_seconds", "batch_size")

    def __init__(self) -> None:
        self.batch_size: int = 1
        self._n_seen = 0
        self._n_recent = 0.0
        self._recent_seconds = 0.0

    def note(self, n_calls: int, seconds: float) -> None:
        """Learn from a batch. Threads that do so at the same time may lose one another's, which does no harm."""
        self._n_seen += n_calls
        self._n_recent = FORGETTING * self._n_recent + n_calls
        self._recent_seconds = FORGETTING * self._recent_seconds + seconds
        fitting = BATCH_SECONDS * self._n_recent / max(self._recent_seconds, 1e-9)
        self.batch_size = max(1, int(min(fitting, self._n_seen / SHARE)))
