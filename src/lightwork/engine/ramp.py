"""How many of the workers that a run could do with are called at a time."""

from __future__ import annotations

import math

__all__ = ["Ramp"]

STEP_SECONDS = 200e-6  # to wake a thread takes 50 µs, and more on a busy machine
LONGEST_SECONDS = 5e-3  # that somebody is waited for: the interpreter's switch interval


class Ramp:
    """
    One at first, and as many again as there are with each step that is due.

    To wake a thread may take longer than a thousand small items, and where there is a GIL all but one would wait for that. Who sees to the next
    step has to take the GIL himself: he gets it at once where items wait, and late or never where they are done in no time.

    Attributes
    ----------
    due : float
        When the next step is.
    """

    def __init__(self) -> None:
        self.due: float = -math.inf
        self._seconds = STEP_SECONDS

    def step(self, n_wanted: int, n_there: int, n_at_work: int, now: float) -> int:
        """Return how many of those that are wanted to call now, beside those that are there; none for a while if some of these have not come yet."""
        if n_there and now < self.due:
            return 0
        if n_at_work < n_there and self._seconds < LONGEST_SECONDS:
            self._seconds *= 2
            self.due = now + self._seconds
            return 0
        self._seconds = STEP_SECONDS
        self.due = now + STEP_SECONDS
        return min(n_wanted, max(n_there, 1))
