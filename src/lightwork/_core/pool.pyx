"""The default pool, pools of one's own, their threads, and what a fork leaves of them.

Threads are ordinary Python threads that spend their lives in nogil code. Nothing here holds a lock while Python code runs, so all of it may
be called from signal handlers, finalizers and in the middle of itself.
"""

import atexit
import logging
import os
import threading
import time
from functools import partial

from lightwork import _config, _cpus
from lightwork._core.statistics import PoolStatistics, WorkerStatistics

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF

from lightwork._core.atomics cimport (
    atomic,
    memory_order_acq_rel,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_seq_cst,
)
from lightwork._core.deque cimport Item
from lightwork._core.job cimport Job
from lightwork._core.pool_state cimport (
    MAX_WORKERS,
    PoolState,
    Tally,
    Worker,
    current_worker,
    forks,
    pool_add_worker,
    pool_close,
    pool_free,
    pool_let_in,
    pool_let_out,
    pool_new,
    pool_post,
    pool_retire,
    pool_take_back,
    pool_wake,
    was_forked,
)
from lightwork._core.worker cimport call_task, current_job, swap_job, worker_run

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil)

cdef object logger = logging.getLogger("lightwork")

cdef atomic[PoolState*] default_pool

# The threads that run, and what each runs, which tells its pool: so that closing a pool can join its own.
cdef dict running = {}

cdef atomic[int] is_exiting  # no task would be run any more


cdef void forget_pools() noexcept nogil:
    """In a forked child, first of all: every pool is stale from here on. They are never freed or joined there, for their
    locks may be in any state and their threads do not exist."""
    forks().fetch_add(1, memory_order_relaxed)


if pthread_atfork(NULL, NULL, forget_pools) != 0:
    raise MemoryError("no memory to register a fork handler")


def forget_threads():
    """In a forked child: none of them exists there, and somebody may have been about to write down another."""
    global running
    running = {}


os.register_at_fork(after_in_child=forget_threads)


# --- Lifetime -------------------------------------------------------------------------------------------------------

cdef bint is_stale(PoolState* pool) noexcept nogil:
    return was_forked(pool.workers[0].load(memory_order_relaxed))


cdef PoolState* pool_hold(int max_workers) except NULL:
    cdef PoolState* pool = pool_new()
    if pool == NULL:
        raise MemoryError("no memory for a pool")
    pool.max_workers = max_workers
    pool.n_handles.store(1, memory_order_relaxed)
    return pool


cdef void pool_release(PoolState* pool) noexcept nogil:
    # The last handle frees the pool and must see what the others wrote: acquire and release are partners here.
    if pool.n_handles.fetch_sub(1, memory_order_acq_rel) == 1:
        pool_free(pool)


cdef PoolState* refresh(atomic[PoolState*]* place, int max_workers) except NULL:
    """The pool at `place`, made at the first use and made anew in a forked child."""
    cdef PoolState* seen = place.load(memory_order_acquire)
    cdef PoolState* fresh
    while seen == NULL or is_stale(seen):
        fresh = pool_hold(max_workers)
        if place.compare_exchange_strong(seen, fresh, memory_order_acq_rel, memory_order_acquire):
            return fresh
        pool_release(fresh)
    return seen


cdef PoolState* home_pool() except NULL:
    """The pool whose worker this thread is, else the default pool."""
    cdef Worker* worker = current_worker()
    return worker.pool if worker != NULL else refresh(&default_pool, 0)


cdef int default_workers(PoolState* pool) except -1:
    """How many workers a call gets that does not say: what is configured or the CPU budget, and no more than the pool may have."""
    workers = _config.settings().workers
    if workers is None:
        workers = _cpus.cpu_budget()
    return min(workers, pool.max_workers or MAX_WORKERS)


def count_default_workers():
    """
    Count the workers that a call gets which does not say how many.

    Returns
    -------
    int
        As :func:`lightwork.configure` or else the CPU budget says, and no more than the pool of the calling thread may have.
    """
    return default_workers(home_pool())


# --- Threads --------------------------------------------------------------------------------------------------------

@cython.internal
@cython.final
cdef class Life:
    """What a worker's thread runs; keeps the pool alive meanwhile."""

    cdef PoolState* pool
    cdef Worker* worker

    def __dealloc__(self):
        if self.pool != NULL and not is_stale(self.pool):
            pool_release(self.pool)

    def __call__(self):
        thread = threading.current_thread()
        if not self.worker.is_running.exchange(True, memory_order_relaxed):
            running[thread] = self  # again: a signal handler's exception may have come out of its start
            self.live()
        running.pop(thread, None)

    cdef int live(self) except -1:
        """Do what a worker does, until it is not wanted any more."""
        cdef bint is_wanted = True
        while is_wanted:
            with nogil:
                worker_run(self.worker)
            is_wanted = not was_forked(self.worker) and not pool_retire(self.worker)
        return 0


cdef Life new_life(PoolState* pool, Worker* worker):
    cdef Life life = Life.__new__(Life)
    pool.n_handles.fetch_add(1, memory_order_relaxed)
    life.pool = pool
    life.worker = worker
    return life


cdef int start_thread(PoolState* pool, int index) except -1:
    cdef Worker* worker = pool.workers[index].load(memory_order_acquire)
    if worker == NULL:  # else an earlier attempt to start this thread failed
        worker = pool_add_worker(pool, index)
    if worker == NULL:
        raise MemoryError("no memory for a worker")
    cdef Life life = new_life(pool, worker)
    thread = threading.Thread(target=life, name=f"lightwork-{index}", daemon=True)
    running[thread] = life
    try:
        thread.start()
    except BaseException:
        running.pop(thread, None)
        raise
    return 0


cdef list threads_of(PoolState* pool):
    cdef Life life
    return [thread for thread, life in running.copy().items() if life.pool == pool and thread.is_alive()]


cdef list dismiss(PoolState* pool):
    """Ask the threads there are to end once they find nothing to do, and return them. Later calls start others."""
    cdef Life life
    threads = []
    for thread, life in running.copy().items():
        if life.pool == pool and thread.is_alive():
            life.worker.is_dismissed.store(True, memory_order_seq_cst)  # and then they are woken: partner is_dismissed
            threads.append(thread)
    pool_wake(pool, MAX_WORKERS)
    return threads


def dismiss_default():
    """Do so for the default pool."""
    cdef PoolState* pool = default_pool.load(memory_order_acquire)
    return [] if pool == NULL or is_stale(pool) else dismiss(pool)


def finish_tasks():
    """At exit: tasks that were spawned are run to their end, also those of a pool that is gone. Idle workers are not waited for."""
    while join_busy_pools():  # again, for a pool's last tasks may have spawned some in another
        pass
    is_exiting.store(True, memory_order_seq_cst)  # partner: Core.spawn, which has counted its task by then or raises
    join_busy_pools()


cdef bint join_busy_pools() except -1:
    cdef Life life
    busy = [life for life in running.copy().values() if has_tasks(life)]
    for life in busy:
        close_and_join(life.pool)
    return bool(busy)


cdef bint has_tasks(Life life):
    return not is_stale(life.pool) and life.pool.n_unfinished.load(memory_order_seq_cst) > 0  # partner: pool_let_out


cdef int close_and_join(PoolState* pool) except -1:
    """Close a pool and wait until its threads are gone; one of its own tasks cannot wait for itself, and only closes it."""
    pool_close(pool)
    cdef Worker* worker = current_worker()
    if worker != NULL and worker.pool == pool:
        return 0
    join_threads(pool)
    while pool.n_unfinished.load(memory_order_seq_cst) > 0:  # their thread is being started, or its start was interrupted
        if not start_one(pool, 1):
            time.sleep(0)
        join_threads(pool)
    return 0


cdef int join_threads(PoolState* pool) except -1:
    for thread in threads_of(pool):
        thread.join()
    return 0


atexit.register(finish_tasks)


cdef int pool_ensure(PoolState* pool, int n_threads) except -1:
    """See that workers 1..n_threads exist. Raises RuntimeError where the system gives no more threads."""
    while pool.n_threads.load(memory_order_relaxed) < n_threads and start_one(pool, n_threads):
        pass
    return 0


cdef bint start_one(PoolState* pool, int n_threads) except -1:
    """Start one of the workers 1..n_threads; False if somebody has started, or is starting, each of them."""
    cdef int index
    if pool.n_threads.load(memory_order_seq_cst) >= n_threads:
        return False
    for index in range(1, n_threads + 1):
        if not pool.is_claimed[index].exchange(True, memory_order_seq_cst):  # partner: itself, after a failure below
            raise_top(pool, index)
            try:
                start_thread(pool, index)
            except BaseException as error:
                # Whoever posted a task before it saw this has it failed by us, who look for it next; whoever posts later starts a
                # thread itself (partner: the exchange above).
                pool.is_claimed[index].store(False, memory_order_seq_cst)
                logger.warning("a worker's thread could not be started, there are %d: %r", pool.n_threads.load(memory_order_relaxed), error)
                raise
            pool.n_threads.fetch_add(1, memory_order_relaxed)
            return True
    return False


cdef void raise_top(PoolState* pool, int index) noexcept nogil:
    cdef int top = pool.top.load(memory_order_relaxed)
    while top < index and not pool.top.compare_exchange_weak(top, index, memory_order_relaxed, memory_order_relaxed):
        pass


# --- For Python -----------------------------------------------------------------------------------------------------

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


cdef object pool_statistics(PoolState* pool, int n_workers):
    cdef int i
    cdef Worker* worker
    cdef int n_threads = pool.n_threads.load(memory_order_relaxed)
    rows = []
    for i in range(pool.top.load(memory_order_relaxed) + 1):
        worker = pool.workers[i].load(memory_order_acquire)
        if worker != NULL:
            rows.append(worker_statistics(worker))
    return PoolStatistics(workers=tuple(rows), n_workers=n_workers, n_threads=n_threads)


def statistics():
    """
    What the default pool's workers have done since it was made, as a frozen snapshot.

    Returns
    -------
    PoolStatistics
        Worker 0 stands for all threads that called from outside the pool. The counters are read one by one while
        others may go on counting, so sums over workers can be a few chunks apart.

    Notes
    -----
    Thread-safe. Starts no thread. In a forked child the counters begin at zero.
    """
    cdef PoolState* pool = refresh(&default_pool, 0)
    return pool_statistics(pool, default_workers(pool))


cdef object refusal():
    if is_exiting.load(memory_order_seq_cst):
        return RuntimeError("the interpreter is exiting and makes no more calls; submit before, or call the function itself")
    return RuntimeError("this pool was shut down; make a new one")


@cython.final
cdef class Core:
    """
    A pool that runs Python callables once each, and in whose threads parallel calls run on its own workers.

    It knows neither futures nor errors: a callable reports its own outcome. Where the system gives not one thread it is called
    with that error instead, and has failed.

    Parameters
    ----------
    max_workers : int
        The number of threads it may start, from 1 to 1024; they start when there is something to run.
    """

    def __init__(self, max_workers):
        if not 1 <= max_workers <= MAX_WORKERS:
            raise ValueError(f"max_workers must be from 1 to {MAX_WORKERS}, not {max_workers}")
        self.max_workers = max_workers
        self.alive()

    def __dealloc__(self):
        cdef PoolState* pool = self.state.load(memory_order_acquire)
        if pool != NULL and not is_stale(pool):
            pool_close(pool)
            pool_release(pool)

    cdef PoolState* alive(self) except NULL:
        return refresh(&self.state, self.max_workers)

    def spawn(self, task, bint may_grow=True):
        """Call `task()` once on a worker: after what came in before it, or next if it is spawned by a worker of this pool.

        Unless it `may_grow` the pool starts no thread for it, and it waits for one of those there are."""
        cdef PoolState* pool = self.alive()
        if not pool_let_in(pool):
            raise refusal()
        if is_exiting.load(memory_order_seq_cst):  # partner: finish_tasks
            pool_let_out(pool)
            raise refusal()
        Py_INCREF(task)
        if not pool_post(pool, <void*> task):
            Py_DECREF(task)
            pool_let_out(pool)
            raise MemoryError("no memory for another task")
        # Threads may all have ended since (partner: pool_retire, which counts its own out and then looks for tasks).
        if pool_wake(pool, 1) == 0 and (may_grow or pool.n_threads.load(memory_order_seq_cst) <= 0):
            self.grow(pool, task)

    cdef int grow(self, PoolState* pool, object task) except -1:
        """Nobody slept who could be woken for a task: start another thread if there may be more, or leave it to those there are."""
        try:
            start_one(pool, self.max_workers)
        except (RuntimeError, MemoryError) as error:  # the system gives no more
            if pool.n_threads.load(memory_order_seq_cst) <= 0:
                self.give_up(task, error)
        return 0

    cdef int give_up(self, object task, object error) except -1:
        """There is no thread at all: raise for one's own task, and fail those that relied on this thread."""
        waiting = self.discard()
        for other in waiting:
            if other is not task:
                call_task(partial(other, error))
        if any([other is task for other in waiting]):
            raise error
        return 0

    def statistics(self):
        """A frozen snapshot of what the workers did; see :func:`lightwork.statistics`."""
        return pool_statistics(self.alive(), self.max_workers)

    def close(self, bint wait=True):
        """Take no more tasks, finish those that were taken, end the threads; with `wait`, return when they have ended.

        One of the pool's own tasks cannot wait for itself, and does not."""
        cdef PoolState* pool = self.alive()
        if wait:
            close_and_join(pool)
        else:
            pool_close(pool)

    def dismiss(self):
        """Ask the threads there are to end once they find nothing to do, and return them. Later tasks start others."""
        return dismiss(self.alive())

    def is_here(self):
        """Whether the calling thread is one of this pool's workers."""
        cdef Worker* worker = current_worker()
        return worker != NULL and worker.pool == self.state.load(memory_order_acquire)

    def discard(self):
        """Take back the tasks that no worker has begun, and return them."""
        cdef PoolState* pool = self.alive()
        cdef Item item = pool_take_back(pool)
        tasks = []
        while item != NULL:
            task = <object> item
            Py_DECREF(task)
            tasks.append(task)
            item = pool_take_back(pool)
        return tasks


def is_worker():
    """Whether the calling thread is a worker of any pool."""
    return current_worker() != NULL


def is_in_chunk():
    """Whether the calling thread is in a chunk of a parallel call, its own or another's."""
    return current_job() != NULL


def run_apart(task):
    """Call `task()` as if it were not in the chunk that this thread is in: what stops that chunk's job does not stop it."""
    cdef Job* outer = swap_job(NULL)
    call_task(task)
    swap_job(outer)
