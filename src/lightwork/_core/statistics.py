"""Frozen snapshots of what a pool and its workers have done."""

from dataclasses import dataclass

__all__ = ["PoolStatistics", "WorkerStatistics"]


@dataclass(frozen=True, slots=True)
class WorkerStatistics:
    """
    What one worker did since its pool was made.

    Attributes
    ----------
    index : int
        1 and up for the pool's threads; 0 stands for all threads that called from outside.
    chunks, stolen : int
        Chunks run, and chunks taken out of another worker's run (a stolen chunk may be stolen again before it runs).
    jobs, tasks : int
        Parallel calls taken part in, and spawned tasks begun.
    parks, wakeups : int
        How often it fell asleep, and how often it was woken.
    busy_seconds, idle_seconds : float
        Time spent in jobs and tasks, a nested one counted within the outer one too, and time without any (up to the
        last time it found work). Worker 0 is never idle: its time is its caller's.
    """

    index: int
    chunks: int
    stolen: int
    jobs: int
    tasks: int
    parks: int
    wakeups: int
    busy_seconds: float
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """
    What a pool did since it was made.

    Attributes
    ----------
    workers : tuple of WorkerStatistics
        Worker 0, then one for each thread.
    n_workers : int
        How many workers a call gets that does not say how many it wants, its own thread included.
    n_threads : int
        How many threads there are; those that have ended do not count.
    """

    workers: tuple[WorkerStatistics, ...]
    n_workers: int
    n_threads: int

    @property
    def chunks(self) -> int:
        """Chunks run by all workers."""
        return sum(worker.chunks for worker in self.workers)

    @property
    def stolen(self) -> int:
        """Chunks that were stolen, by all workers."""
        return sum(worker.stolen for worker in self.workers)

    @property
    def jobs(self) -> int:
        """Parallel calls that workers took part in, each counted once for every one of them."""
        return sum(worker.jobs for worker in self.workers)

    @property
    def tasks(self) -> int:
        """Spawned tasks that workers have begun."""
        return sum(worker.tasks for worker in self.workers)
