"""Pools of one's own, and what a task in one may do besides: wait for others, or be called as if it were in none.

Nothing here holds a lock while Python code runs, so all of it may be called from signal handlers, finalizers and in the middle of itself.
"""

from functools import partial

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF

from lightwork._core.atomics cimport int64_t, memory_order_acquire, memory_order_relaxed, memory_order_seq_cst
from lightwork._core.backlog cimport pool_is_manned, take_back
from lightwork._core.deque cimport Item
from lightwork._core.job cimport Job
from lightwork._core.lifetime cimport is_stale, pool_release, refresh
from lightwork._core.pool_state cimport (
    MAX_WORKERS,
    PoolState,
    Worker,
    current_worker,
    pool_close,
    pool_count_items,
    pool_is_watched,
    pool_let_in,
    pool_let_out,
    pool_post,
    pool_wake,
    step_aside,
    step_back,
)
from lightwork._core.tallies cimport pool_statistics
from lightwork._core.threads cimport close_and_join, dismiss, is_exiting, leaving, new_outfit, start_one, threads_of
from lightwork._core.worker cimport call_task, current_job, swap_job


cdef object refusal():
    if is_exiting():
        return RuntimeError("cannot schedule new futures after interpreter shutdown; submit before, or call the function itself")
    return RuntimeError("cannot schedule new futures after shutdown: this pool was shut down; make a new one")


@cython.final
cdef class Core:
    """
    A pool that runs Python callables once each, and in whose threads parallel calls run on its own workers.

    It knows neither futures nor errors: a callable reports its own outcome. Where the system gives not one thread it is called
    with that error instead, and has failed.

    Parameters
    ----------
    max_workers : int
        The number of threads that may run tasks at a time, from 1 to 1024; they start when there is something to run, and those that
        wait in a task by :func:`stand_by` do not count.
    name : callable, optional
        What the thread of a worker is called, given its index, which is from 1 on.
    prepare : callable, optional
        Called by each thread first of all, without arguments. If it returns an exception, that thread has tasks that nobody has begun fail with it.
    stack_size : int, default 0
        Of the threads, in bytes; 0: the system's.
    idle_seconds : float, default 60
        How long a thread without work stays.
    """

    def __init__(self, max_workers, name=None, prepare=None, stack_size=0, double idle_seconds=60.0):
        if not 1 <= max_workers <= MAX_WORKERS:
            raise ValueError(f"max_workers must be greater than 0 and from 1 to {MAX_WORKERS}, not {max_workers}")
        self.max_workers = max_workers
        self.outfit = new_outfit(name, prepare, stack_size)
        self.idle_ns = <int64_t> (idle_seconds * 1e9)
        self.alive()

    def __dealloc__(self):
        cdef PoolState* pool = self.state.load(memory_order_acquire)
        if pool != NULL and not is_stale(pool):
            pool_close(pool)
            pool_release(pool)

    cdef PoolState* alive(self) except NULL:
        return refresh(&self.state, self.max_workers, self.idle_ns)

    def spawn(self, task, bint may_grow=True):
        """Call `task()` once on a worker: after what came in before it, or next if it is spawned by a worker of this pool.

        Unless it `may_grow` the pool starts no thread for it, and it waits for one of those there are, if any of them does not wait in a task."""
        self.post(task, may_grow)

    cdef int post(self, object task, bint may_grow) except -1:
        cdef PoolState* pool = self.alive()
        if self.is_closed.load(memory_order_relaxed) or not pool_let_in(pool):
            raise refusal()
        if is_exiting():  # after pool_let_in (partner: finish_tasks)
            pool_let_out(pool)
            raise refusal()
        Py_INCREF(task)
        if not pool_post(pool, <void*> task):
            Py_DECREF(task)
            pool_let_out(pool)
            raise MemoryError("no memory for another task")
        if not pool_is_watched(pool) and pool_wake(pool, 1, False) == 0 and (may_grow or not pool_is_manned(pool)):
            self.grow(pool, task)
        return 0

    cdef int grow(self, PoolState* pool, object task) except -1:
        """Nobody slept who could be woken for a task: start another thread if there may be more, or leave it to those there are."""
        # Those that wait are counted after the task was posted (partner: step_aside).
        cdef int most = min(self.max_workers + pool.n_aside.load(memory_order_seq_cst), MAX_WORKERS)
        try:
            start_one(pool, most, self.outfit)
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

    def count_items(self, int64_t n_items, int64_t n_failed, int64_t n_retried, int64_t n_throttled):
        """Count what became of the items of a call over items, at its end."""
        cdef PoolState* pool = self.alive()
        pool_count_items(pool, n_items, n_failed)
        pool.n_retried.fetch_add(n_retried, memory_order_relaxed)
        pool.n_throttled.fetch_add(n_throttled, memory_order_relaxed)

    def oldest(self):
        """The task from outside that is next, if there is one; somebody may have begun it meanwhile."""
        cdef PoolState* pool = self.alive()
        cdef Item item
        pool.injector.lock.lock()
        item = NULL if pool.injector.first == NULL else pool.injector.first.item
        task = None if item == NULL else <object> item  # under the lock, so that nobody takes it out and lets go of it
        pool.injector.lock.unlock()
        return task

    def statistics(self):
        """A frozen snapshot of what the workers did; see :func:`lightwork.statistics`."""
        return pool_statistics(self.alive(), self.max_workers)

    def close(self, bint wait=True):
        """Take no more tasks, finish those that were taken, end the threads; with `wait`, return when they have ended.

        One of the pool's own tasks cannot wait for itself, and does not."""
        cdef PoolState* pool = self.alive()
        self.is_closed.store(True, memory_order_relaxed)  # a forked child's copy; here pool_close says so
        if wait:
            close_and_join(pool, self.outfit)
        else:
            pool_close(pool)

    def threads(self):
        """The threads that are alive, in a list of its own."""
        return threads_of(self.alive())

    def dismiss(self):
        """Ask the threads there are to end once they find nothing to do, and return them. Later tasks start others."""
        return dismiss(self.alive())

    def leaving(self):
        """The threads that were asked to end and have not, and those that they have started meanwhile."""
        return leaving(self.alive())

    def is_here(self):
        """Whether the calling thread is one of this pool's workers."""
        cdef Worker* worker = current_worker()
        return worker != NULL and worker.pool == self.state.load(memory_order_acquire)

    def discard(self):
        """Take back the tasks that no worker has begun, and return them."""
        return take_back(self.alive())


# --- Inside tasks ---

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


cdef int call_stand_in(PoolState* pool) except -1:
    """Wake or start somebody for the tasks that a thread which is about to wait would have run."""
    if pool_wake(pool, 1, False) == 0:
        try:
            start_one(pool, min(pool.max_workers + pool.n_aside.load(memory_order_seq_cst), MAX_WORKERS))
        except (RuntimeError, MemoryError):
            pass  # the system gives no more: those that exist do it
    return 0


def stand_by(wait, *args):
    """Return ``wait(*args)``, which waits for others; in a task another thread may stand in for this one meanwhile."""
    cdef Worker* worker = current_worker()
    if worker == NULL or not worker.is_active:
        return wait(*args)
    cdef bint is_wanted = step_aside(worker)
    try:
        if is_wanted:
            call_stand_in(worker.pool)
        return wait(*args)
    finally:
        step_back(worker)
