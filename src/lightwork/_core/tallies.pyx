"""What the workers of a pool counted, added up."""

from lightwork._core.statistics import PoolStatistics, WorkerStatistics

from lightwork._core.atomics cimport int64_t, memory_order_acquire, memory_order_relaxed
from lightwork._core.lifetime cimport default_workers, shared_pool
from lightwork._core.pool_state cimport PoolState, Tally, Worker


cdef object worker_statistics(Worker* worker):
    cdef Tally* tally = &worker.tally
    return WorkerStatistics(
        index=worker.index,
        chunks=tally.chunks.load(memory_order_relaxed),
        stolen=tally.stolen.load(memory_order_relaxed),
        jobs=tally.jobs.load(memory_order_relaxed),
        tasks=tally.tasks.load(memory_order_relaxed),
        parks=tally.parks.load(memory_order_relaxed),
        wakeups=tally.wakeups.load(memory_order_relaxed),
        busy_seconds=tally.busy_ns.load(memory_order_relaxed) * 1e-9,
        idle_seconds=tally.idle_ns.load(memory_order_relaxed) * 1e-9,
    )


cdef struct Calls:  # of all workers together
    int64_t n_started
    int64_t n_finished
    int64_t n_failed
    int64_t queue_ns
    int64_t run_ns


cdef void add_calls(Calls* calls, Tally* tally) noexcept nogil:
    # Backwards, so that what has ended by now has also begun.
    calls.n_failed += tally.n_failed.load(memory_order_relaxed)
    calls.n_finished += tally.n_finished.load(memory_order_relaxed)
    calls.run_ns += tally.run_ns.load(memory_order_relaxed)
    calls.n_started += tally.n_started.load(memory_order_relaxed)
    calls.queue_ns += tally.queue_ns.load(memory_order_relaxed)


cdef object pool_statistics(PoolState* pool, int n_workers):
    cdef int i
    cdef Worker* worker
    cdef Calls calls = [0, 0, 0, 0, 0]
    cdef int n_threads = pool.n_threads.load(memory_order_relaxed)
    cdef int64_t n_cancelled = pool.n_cancelled.load(memory_order_relaxed)
    rows = []
    for i in range(pool.top.load(memory_order_relaxed) + 1):
        worker = pool.workers[i].load(memory_order_acquire)
        if worker != NULL:
            rows.append(worker_statistics(worker))
            add_calls(&calls, &worker.tally)
    return PoolStatistics(
        workers=tuple(rows),
        n_workers=n_workers,
        n_threads=n_threads,
        n_active=pool.n_active.load(memory_order_relaxed),
        submitted=pool.n_submitted.load(memory_order_relaxed),
        started=calls.n_started,
        finished=calls.n_finished,
        failed=calls.n_failed,
        cancelled=n_cancelled,
        queue_seconds=calls.queue_ns * 1e-9,
        run_seconds=calls.run_ns * 1e-9,
        items=pool.n_items.load(memory_order_relaxed),
        failed_items=pool.n_failed_items.load(memory_order_relaxed),
        retried=pool.n_retried.load(memory_order_relaxed),
        throttled=pool.n_throttled.load(memory_order_relaxed),
    )


def statistics():
    """What the workers of the default pool did, the one for arrays; see :func:`lightwork.statistics`."""
    cdef PoolState* pool = shared_pool()
    return pool_statistics(pool, default_workers(pool))
