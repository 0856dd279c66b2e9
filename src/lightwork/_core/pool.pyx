"""The default pool, pools of one's own, their threads, and what a fork leaves of them.

Threads are ordinary Python threads that spend their lives in nogil code. Nothing here holds a lock while Python code runs, so all of it may
be called from signal handlers, finalizers and in the middle of itself.
"""

import atexit
import contextvars
import os
import sys
import threading
import time
from functools import partial

from lightwork import _config, _cpus
from lightwork._core.statistics import PoolStatistics, WorkerStatistics

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF

from lightwork._core.atomics cimport (
    atomic,
    int64_t,
    memory_order_acq_rel,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_seq_cst,
)
from lightwork._core.deque cimport Item, deque_pop, deque_push
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
    pool_count_items,
    pool_free,
    pool_is_watched,
    pool_let_in,
    pool_let_out,
    pool_may_begin,
    pool_new,
    pool_post,
    pool_retire,
    pool_take_back,
    pool_wake,
    step_aside,
    step_back,
    was_forked,
)
from lightwork._core.worker cimport SPIN_NS, call_task, current_job, swap_job, worker_begin, worker_run

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil)

cdef enum:
    FOR_EVER = -1  # how long the default pool keeps its workers

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
    global running, stack_lock
    running = {}
    stack_lock = threading.RLock()


os.register_at_fork(after_in_child=forget_threads)


# --- Lifetime -------------------------------------------------------------------------------------------------------

cdef bint is_stale(PoolState* pool) noexcept nogil:
    return was_forked(pool.workers[0].load(memory_order_relaxed))


cdef PoolState* new_pool(int max_workers, int64_t idle_ns) except NULL:
    cdef PoolState* pool = pool_new()
    if pool == NULL:
        raise MemoryError("no memory for a pool")
    pool.max_workers = max_workers
    pool.idle_ns = idle_ns
    pool.patience_ns.store(SPIN_NS, memory_order_relaxed)
    pool.n_handles.store(1, memory_order_relaxed)
    return pool


cdef void pool_hold(PoolState* pool) noexcept nogil:
    """By who knows that somebody else holds it, too."""
    pool.n_handles.fetch_add(1, memory_order_relaxed)


cdef void pool_release(PoolState* pool) noexcept nogil:
    # The last handle frees the pool and must see what the others wrote: acquire and release are partners here.
    if pool.n_handles.fetch_sub(1, memory_order_acq_rel) == 1:
        pool_free(pool)


cdef PoolState* refresh(atomic[PoolState*]* place, int max_workers, int64_t idle_ns) except NULL:
    """The pool at `place`, made at the first use and made anew in a forked child."""
    cdef PoolState* seen = place.load(memory_order_acquire)
    cdef PoolState* fresh
    while seen == NULL or is_stale(seen):
        fresh = new_pool(max_workers, idle_ns)
        if place.compare_exchange_strong(seen, fresh, memory_order_acq_rel, memory_order_acquire):
            return fresh
        pool_release(fresh)
    return seen


cdef PoolState* home_pool() except NULL:
    """The pool whose worker this thread is, else the default pool."""
    cdef Worker* worker = current_worker()
    return worker.pool if worker != NULL else refresh(&default_pool, 0, FOR_EVER)


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

@cython.final
cdef class Outfit:
    """What the threads of a pool have in common."""


cdef Outfit new_outfit(object name, object prepare, Py_ssize_t stack_size):
    cdef Outfit outfit = Outfit.__new__(Outfit)
    outfit.name = name
    outfit.prepare = prepare
    outfit.stack_size = stack_size
    return outfit


cdef Outfit plain = new_outfit("lightwork-{}".format, None, 0)

# Who starts a thread with a stack of its own size sets the size for all that are started meanwhile. It is waited for, but not for ever: a
# thread that begins may be asked by a finalizer to start another.
cdef object stack_lock = threading.RLock()
cdef double STACK_SECONDS = 1.0


cdef Outfit outfit_here(PoolState* pool):
    """The outfit of a pool in one of its own threads; the default pool's elsewhere."""
    cdef Life life = running.get(threading.current_thread())
    return life.outfit if life is not None and life.pool == pool else plain


cdef object new_thread(Life life):
    """Its context is empty, also where Python would hand on the starter's."""
    options = {"context": contextvars.Context()} if sys.version_info >= (3, 14) else {}
    return threading.Thread(target=life, name=life.outfit.name(life.worker.index), daemon=True, **options)


def start_with_stack(thread, stack_size):
    """Start a thread whose stack is of a size of its own, or 0, the system's."""
    if stack_size == 0:
        thread.start()
        return
    is_alone = stack_lock.acquire(timeout=STACK_SECONDS)
    before = threading.stack_size(stack_size)
    try:
        thread.start()
    finally:
        threading.stack_size(before)
        if is_alone:
            stack_lock.release()


@cython.internal
@cython.final
cdef class Life:
    """What a worker's thread runs; keeps the pool alive meanwhile."""

    cdef PoolState* pool
    cdef Worker* worker
    cdef Outfit outfit

    def __dealloc__(self):
        if self.pool != NULL and not is_stale(self.pool):
            pool_release(self.pool)

    def __call__(self):
        thread = threading.current_thread()
        if not self.worker.is_running.exchange(True, memory_order_relaxed):
            running[thread] = self  # again: a signal handler's exception may have come out of its start
            self.live(None if self.outfit.prepare is None else self.outfit.prepare())
        running.pop(thread, None)

    cdef int live(self, object failure) except -1:
        """Do what a worker does, until it is not wanted any more; one that could not be made ready has the tasks that wait fail."""
        cdef bint is_wanted = True
        cdef Item first
        while is_wanted:
            if failure is None:
                first = worker_begin(self.worker)
                with nogil:
                    worker_run(self.worker, first)
            else:
                fail_tasks(self.pool, failure)
            is_wanted = not was_forked(self.worker) and not pool_retire(self.worker)
        return 0


cdef Life new_life(PoolState* pool, Worker* worker, Outfit outfit):
    cdef Life life = Life.__new__(Life)
    pool_hold(pool)
    life.pool = pool
    life.worker = worker
    life.outfit = outfit
    return life


cdef int start_thread(PoolState* pool, int index, Outfit outfit) except -1:
    cdef Worker* worker = pool.workers[index].load(memory_order_acquire)
    if worker == NULL:  # else an earlier attempt to start this thread failed
        worker = pool_add_worker(pool, index)
    if worker == NULL:
        raise MemoryError("no memory for a worker")
    cdef Life life = new_life(pool, worker, outfit)
    thread = new_thread(life)
    running[thread] = life
    try:
        start_with_stack(thread, outfit.stack_size)
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
        close_and_join(life.pool, life.outfit)
    return bool(busy)


cdef bint has_tasks(Life life):
    return not is_stale(life.pool) and life.pool.n_unfinished.load(memory_order_seq_cst) > 0  # partner: pool_let_out


cdef int close_and_join(PoolState* pool, Outfit outfit) except -1:
    """Close a pool and wait until its threads are gone; one of its own tasks cannot wait for itself, and only closes it."""
    pool_close(pool)
    cdef Worker* worker = current_worker()
    if worker != NULL and worker.pool == pool:
        return 0
    join_threads(pool)
    while pool.n_unfinished.load(memory_order_seq_cst) > 0:  # their thread is being started, or its start was interrupted
        if not start_one(pool, 1, outfit):
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


cdef int log_failed_start(PoolState* pool, object error) except -1:
    """Tell those who listen; what else goes wrong here is of no interest beside the error."""
    try:
        from lightwork._log import LOGGER  # logging would be half of the package's import

        LOGGER.warning("a worker's thread could not be started, there are %d: %r", pool.n_threads.load(memory_order_relaxed), error)
    except Exception:
        pass
    return 0


cdef bint start_one(PoolState* pool, int n_threads, Outfit outfit=None) except -1:
    """Start one of the workers 1..n_threads; False if somebody has started, or is starting, each of them.

    The outfit may be left out for the default pool, and in a pool's own threads."""
    cdef int index
    if pool.n_threads.load(memory_order_seq_cst) >= n_threads:  # partner: pool_retire, which counts its thread out and then looks for tasks
        return False
    for index in range(1, n_threads + 1):
        if not pool.is_claimed[index].exchange(True, memory_order_seq_cst):  # partner: itself, after a failure below
            raise_top(pool, index)
            try:
                start_thread(pool, index, outfit_here(pool) if outfit is None else outfit)
            except BaseException as error:
                # Whoever posted a task before it saw this has it failed by us, who look for it next; whoever posts later starts a
                # thread itself (partner: the exchange above).
                pool.is_claimed[index].store(False, memory_order_seq_cst)
                log_failed_start(pool, error)
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
    cdef PoolState* pool = refresh(&default_pool, 0, FOR_EVER)
    return pool_statistics(pool, default_workers(pool))


cdef object refusal():
    if is_exiting.load(memory_order_seq_cst):
        return RuntimeError("cannot schedule new futures after interpreter shutdown; submit before, or call the function itself")
    return RuntimeError("cannot schedule new futures after shutdown: this pool was shut down; make a new one")


cdef bint pool_is_manned(PoolState* pool) noexcept nogil:
    """Whether there is a thread that comes for a task some time. Call it after posting one.

    Threads may all have ended since, or wait for each other and for this very task (partners: pool_retire, which counts its own out and then
    looks for tasks; step_aside likewise)."""
    return pool.n_threads.load(memory_order_seq_cst) > pool.n_aside.load(memory_order_seq_cst)


cdef list take_back(PoolState* pool):
    """The tasks that nobody has begun."""
    cdef Item item = pool_take_back(pool)
    tasks = []
    while item != NULL:
        task = <object> item
        Py_DECREF(task)
        tasks.append(task)
        item = pool_take_back(pool)
    return tasks


cdef object take_latest(Worker* worker):
    """By the worker, in a task: take back what it spawned last, if nobody has begun that; else None. It goes to one of the next two."""
    cdef Item item = deque_pop(&worker.deque)
    if item == NULL:
        return None
    task = <object> item
    Py_DECREF(task)
    return task


cdef int put_latest(Worker* worker, object task) except -1:
    """Leave it where it was."""
    cdef PoolState* pool = worker.pool
    Py_INCREF(task)
    deque_push(&worker.deque, <void*> task)  # which has room for it, for it was taken from there
    if pool_may_begin(pool):
        pool_wake(pool, 1, False)  # who looked for tasks meanwhile has not seen this one, and may have gone to sleep
    return 0


cdef int drop_latest(Worker* worker, object task) except -1:
    """Call it here and now, which is to say no more than that it is done."""
    call_task(task)
    pool_let_out(worker.pool)
    return 0


cdef int fail_tasks(PoolState* pool, object failure) except -1:
    """Tell the tasks that nobody has begun what keeps them from being run: each by an exception of its own, which collects its own traceback."""
    for task in take_back(pool):
        call_task(partial(task, type(failure)(*failure.args)))
    return 0


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
        self.outfit = new_outfit(plain.name if name is None else name, prepare, stack_size)
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
        if is_exiting.load(memory_order_seq_cst):  # partner: finish_tasks
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

    def is_here(self):
        """Whether the calling thread is one of this pool's workers."""
        cdef Worker* worker = current_worker()
        return worker != NULL and worker.pool == self.state.load(memory_order_acquire)

    def discard(self):
        """Take back the tasks that no worker has begun, and return them."""
        return take_back(self.alive())


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
