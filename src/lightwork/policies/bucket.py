"""A leaky bucket as a value: what may start when, by arithmetic alone."""

from __future__ import annotations

import math
from typing import NamedTuple

from lightwork.policies.rate import RateLimit

__all__ = ["Bucket"]


class Bucket(NamedTuple):
    """
    What has started drips out at the limit's rate; what was granted and has not started yet stays in whole.

    Always ``level + pending <= burst``. So in any window of `T` seconds there are at most ``rate * T + burst`` starts: what starts
    in it was in the bucket when it began, or was let in since, for which room had to drip out. The arithmetic is that of the
    generic cell rate algorithm (ITU-T I.371), by the moment at which the bucket would be empty.

    Attributes
    ----------
    rate, burst : float
        The limit's.
    empty_at : float
        When everything that has started will have dripped out.
    pending : float
        The cost of what was granted and has not started.
    n_pending : int
        How many these are; with none, what rounding left of `pending` is forgotten.
    paused_until : float
        Nothing is granted before.
    """

    rate: float
    burst: float
    empty_at: float = -math.inf
    pending: float = 0.0
    n_pending: int = 0
    paused_until: float = -math.inf

    @classmethod
    def of(cls, limit: RateLimit) -> Bucket:
        """Return an empty bucket."""
        return cls(limit.rate, float(limit.burst))

    def wait(self, now: float, cost: float) -> float:
        """Return 0 if there is room, else the seconds until there is; infinity if time alone will not make any."""
        room = self.burst - self.pending - cost
        if room < 0:
            return math.inf
        ready = max(self.empty_at - room / self.rate, self.paused_until)
        return 0.0 if now >= ready else _difference(ready, now)

    def level(self, now: float) -> float:
        """Return what has started and not dripped out."""
        return max((self.empty_at - now) * self.rate, 0.0)

    def granted(self, cost: float) -> Bucket:
        """Return the bucket with what was just let in."""
        return Bucket(self.rate, self.burst, self.empty_at, self.pending + cost, self.n_pending + 1, self.paused_until)

    def withdrawn(self, cost: float) -> Bucket:
        """Return the bucket without something that was let in and will not start."""
        return self._after(cost, self.empty_at)

    def started(self, now: float, cost: float) -> Bucket:
        """Return the bucket in which something that was let in drips out since some time."""
        return self._after(cost, self._empty_after(now, cost))

    def filled(self, now: float, cost: float) -> Bucket:
        """
        Return the bucket with what started at some time.

        Starts may be reported late, and in any order: after a late report of an early start it is at least as full as if all had
        been reported in order.
        """
        return Bucket(self.rate, self.burst, self._empty_after(now, cost), self.pending, self.n_pending, self.paused_until)

    def without_pending(self) -> Bucket:
        """Return the bucket with what has started alone."""
        return self._replace(pending=0.0, n_pending=0)

    def paused(self, until: float) -> Bucket:
        """Return the bucket that grants nothing before some time, or before a later one that was said earlier."""
        return self._replace(paused_until=max(self.paused_until, until))

    def resumed(self) -> Bucket:
        """Return the bucket without a pause."""
        return self._replace(paused_until=-math.inf)

    def _after(self, cost: float, empty_at: float) -> Bucket:
        """Return the bucket in which something is pending no more, and which will be empty at some time."""
        if not self.n_pending:
            raise RuntimeError("nothing that was granted is waiting to start; report each grant once, as started or as withdrawn")
        n_pending = self.n_pending - 1
        pending = max(self.pending - cost, 0.0) if n_pending else 0.0
        return Bucket(self.rate, self.burst, empty_at, pending, n_pending, self.paused_until)

    def _empty_after(self, now: float, cost: float) -> float:
        """Return when what has started will have dripped out, with what started at some time."""
        return max(self.empty_at, now) + cost / self.rate


def _difference(later: float, earlier: float) -> float:
    """Return how far apart two times are, rounded such that who waits so long is not a hair too early."""
    difference = later - earlier
    return difference if earlier + difference >= later else math.nextafter(difference, math.inf)
