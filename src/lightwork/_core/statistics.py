"""Frozen snapshots of what a pool and its workers have done."""

from dataclasses import dataclass

__all__ = ["PoolStatistics", "Statistics", "WorkerStatistics"]


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
    n_active : int
        Those of them that are in a task, but for the ones that wait there for another call.
    submitted, started, finished, failed, cancelled : int
        Calls that were handed in one by one; those of them that somebody has begun; those that have ended; of these, the ones that raised; and
        those that were cancelled, which nobody will begin. A call that cannot be made, for want of a thread, is one that raised.
    queue_seconds, run_seconds : float
        How long calls that were begun had waited for that, and how long calls that have ended took, all together.
    items, failed_items : int
        Items that calls over items have finished, and those of them that failed for good.
    retried : int
        Attempts at items that were made again.
    throttled : int
        How often a limiter kept a call over items from beginning the next one at once.
    """

    workers: tuple[WorkerStatistics, ...]
    n_workers: int
    n_threads: int
    n_active: int
    submitted: int
    started: int
    finished: int
    failed: int
    cancelled: int
    queue_seconds: float
    run_seconds: float
    items: int
    failed_items: int
    retried: int
    throttled: int

    @property
    def waiting(self) -> int:
        """Calls that nobody has begun yet."""
        return max(self.submitted - self.started - self.cancelled, 0)  # the counters are read one by one

    @property
    def running(self) -> int:
        """Calls that somebody has begun and that have not ended."""
        return max(self.started - self.finished, 0)

    @property
    def busy_seconds(self) -> float:
        """What all workers together spent in jobs and tasks."""
        return sum(worker.busy_seconds for worker in self.workers)

    @property
    def idle_seconds(self) -> float:
        """What all workers together spent without."""
        return sum(worker.idle_seconds for worker in self.workers)

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


@dataclass(frozen=True, slots=True)
class Statistics(PoolStatistics):
    """
    What both default pools did: the one for arrays, and the one for calls over items and calls that were submitted.

    Workers, their sums and the numbers of threads are those of the pool for arrays; calls, items and what became of them are counted with the
    other one, whose workers are in `shared`.

    Attributes
    ----------
    shared : PoolStatistics
        Of the threads that calls over items and submitted calls share.
    """

    shared: PoolStatistics
