"""How a pool is, for those who have to say whether a service is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lightwork._core.statistics import PoolStatistics
from lightwork.tasks.handle import Handle

if TYPE_CHECKING:
    from lightwork.tasks.pool import Pool

__all__ = ["Health", "HealthStatus", "health_of"]

HealthStatus = Literal["ok", "saturated", "broken", "shut down"]


@dataclass(frozen=True, slots=True)
class Health:
    """
    How a pool is: a frozen snapshot, true as long as the pool takes calls and makes them.

    Attributes
    ----------
    status : {"ok", "saturated", "broken", "shut down"}
        Saturated is a pool all of whose workers are in calls while others wait; it is well, but has as much as it can do. Broken is one whose
        initializer failed.
    reason : str
        Why, in words.
    n_threads : int
        How many threads it has now.
    running, waiting : int
        Calls that are being made, and calls that nobody has begun.
    oldest_seconds : float or None
        How long the call from outside has waited that is next; None if none waits, or a call over items is before it. One that was cancelled
        stays there until a worker finds it.
    """

    status: HealthStatus
    reason: str
    n_threads: int
    running: int
    waiting: int
    oldest_seconds: float | None

    def __bool__(self) -> bool:
        """Whether calls that are submitted are made."""
        return self.status in {"ok", "saturated"}


def health_of(pool: Pool, *, is_shut_down: bool, failure: BaseException | None) -> Health:
    """Return how a pool is, given what it knows itself."""
    statistics = pool.statistics()
    status, reason = _diagnosis(statistics, is_shut_down=is_shut_down, failure=failure)
    oldest = pool.core.oldest() if statistics.waiting else None
    seconds = oldest.waited if isinstance(oldest, Handle) else None
    return Health(status, reason, statistics.n_threads, statistics.running, statistics.waiting, seconds)


def _diagnosis(statistics: PoolStatistics, *, is_shut_down: bool, failure: BaseException | None) -> tuple[HealthStatus, str]:
    n_active, n_workers = statistics.n_active, statistics.n_workers
    if is_shut_down:
        return "shut down", "the pool was shut down and takes no more calls; make a new one"
    if failure is not None:
        return "broken", str(failure)
    if statistics.waiting and n_active >= n_workers:
        return "saturated", f"all {n_workers} workers are in calls, and {statistics.waiting} more wait"
    return "ok", f"{n_active} of {n_workers} workers are in calls, and {statistics.waiting} more wait"
