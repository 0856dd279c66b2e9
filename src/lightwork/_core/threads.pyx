"""The threads of pools: ordinary Python threads that spend their lives in nogil code.

Nothing here holds a lock while Python code runs, but for the short start of a thread with a stack of its own, so all of it may be called from
signal handlers, finalizers and in the middle of itself.
"""

import atexit
import contextvars
import os
import sys
import threading
import time

cimport cython

from lightwork._core.launch import launch

from lightwork._core.atomics cimport atomic, memory_order_acquire, memory_order_relaxed, memory_order_seq_cst
from lightwork._core.backlog cimport fail_tasks
from lightwork._core.deque cimport Item
from lightwork._core.lifetime cimport is_stale, pool_hold, pool_release, shared_pool_if_any
from lightwork._core.pool_state cimport (
    MAX_WORKERS,
    PoolState,
    Worker,
    current_worker,
    pool_add_worker,
    pool_close,
    pool_retire,
    pool_wake,
    was_forked,
)
from lightwork._core.worker cimport worker_begin, worker_run

# The threads that run, and what each runs, which tells its pool: so that closing a pool can join its own.
cdef dict running = {}

cdef extern from * nogil:
    """
    /* One definition for the process: only this module reads and writes it. */
    static thread_local int lw_starting_here = 0;
    """
    int starting_here "lw_starting_here"  # threads that this one is about to start: in the middle of that a signal may have come

cdef atomic[int] has_begun_to_exit  # no task would be run any more,
cdef atomic[int] has_exited         # and no thread would come to anything
cdef atomic[int] n_starting         # threads that somebody is about to start
cdef double START_SECONDS = 5.0     # that an exit waits for them


def forget_threads():
    """In a forked child: none of them exists there, and somebody may have been about to write down another."""
    global running, stack_lock
    n_starting.store(0, memory_order_relaxed)
    running = {}
    stack_lock = threading.RLock()


os.register_at_fork(after_in_child=forget_threads)


@cython.final
cdef class Outfit:
    """What the threads of a pool have in common."""


cdef Outfit new_outfit(object name, object prepare, Py_ssize_t stack_size):
    cdef Outfit outfit = Outfit.__new__(Outfit)
    outfit.name = "lightwork-{}".format if name is None else name
    outfit.prepare = prepare
    outfit.stack_size = stack_size
    return outfit


cdef Outfit plain = new_outfit(None, None, 0)

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
        launch(thread)
        return
    is_alone = stack_lock.acquire(timeout=STACK_SECONDS)
    before = threading.stack_size(stack_size)
    try:
        launch(thread)
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
    if is_leaving_here(pool):  # after it was written down: partner dismiss. Then so is the new one, which nobody has wanted since
        worker.is_dismissed.store(True, memory_order_seq_cst)
    try:
        start_with_stack(thread, outfit.stack_size)
    except BaseException:
        running.pop(thread, None)
        raise
    return 0


cdef bint is_leaving_here(PoolState* pool) noexcept nogil:
    cdef Worker* worker = current_worker()
    return worker != NULL and worker.pool == pool and worker.is_dismissed.load(memory_order_seq_cst)


cdef dict lives_of(PoolState* pool):
    """What the threads run that there are, and those that are about to begin."""
    cdef Life life
    return {thread: life for thread, life in running.copy().items() if life.pool == pool}


cdef list threads_of(PoolState* pool):
    return [thread for thread in lives_of(pool) if thread.is_alive()]


cdef list leaving(PoolState* pool):
    """The threads that were asked to end and have not, and those that they have started meanwhile."""
    cdef Life life
    return [thread for thread, life in lives_of(pool).items() if life.worker.is_dismissed.load(memory_order_seq_cst) and thread.is_alive()]


cdef list dismiss(PoolState* pool):
    """Ask the threads there are to end once they find nothing to do, and return them. Later calls start others."""
    cdef Life life
    cdef dict told = {}
    cdef dict lives = lives_of(pool)
    while not lives.keys() <= told.keys():
        for life in lives.values():
            life.worker.is_dismissed.store(True, memory_order_seq_cst)  # and then they are woken: partner is_dismissed
        told |= lives
        lives = lives_of(pool)  # after they were told: partner start_thread
    pool_wake(pool, MAX_WORKERS)
    return [thread for thread in told if thread.is_alive()]


def dismiss_default():
    """Do so for the default pool."""
    cdef PoolState* pool = shared_pool_if_any()
    return [] if pool == NULL else dismiss(pool)


def leaving_default():
    """Return those of the default pool that were asked to end and have not, and those that they have started meanwhile."""
    cdef PoolState* pool = shared_pool_if_any()
    return [] if pool == NULL else leaving(pool)


def finish_tasks():
    """At exit: tasks that were spawned are run to their end, also those of a pool that is gone. Idle workers are not waited for."""
    while join_busy_pools():  # again, for a pool's last tasks may have spawned some in another
        pass
    has_begun_to_exit.store(True, memory_order_seq_cst)  # partner: Core.spawn, which has counted its task by then or raises
    join_busy_pools()
    finish_starts()


cdef int finish_starts() except -1:
    """Start no more threads, and wait for those that others are starting: one that begins when the interpreter is gone crashes in Python 3.11."""
    has_exited.store(True, memory_order_seq_cst)
    await_starts(START_SECONDS)
    return 0


def await_starts(double seconds):
    """Wait until those have begun whom somebody else is starting now, but no longer than some seconds."""
    cdef double end = time.monotonic() + min(seconds, START_SECONDS)
    while n_starting.load(memory_order_seq_cst) > starting_here and time.monotonic() < end:  # partner: start_one
        time.sleep(0.0005)


cdef bint is_exiting() noexcept nogil:
    return has_begun_to_exit.load(memory_order_seq_cst) != 0  # partner: finish_tasks


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
    """See that workers 1..n_threads exist. Raises RuntimeError or MemoryError where the system gives no more threads."""
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
    """Start one of the workers 1..n_threads; False if somebody has started, or is starting, each of them, or if the interpreter is on its way out.

    The outfit may be left out for the default pool, and in a pool's own threads."""
    global starting_here
    starting_here += 1
    n_starting.fetch_add(1, memory_order_seq_cst)  # before the look: partner finish_starts
    try:
        return has_exited.load(memory_order_seq_cst) == 0 and start_unclaimed(pool, n_threads, outfit)
    finally:
        n_starting.fetch_sub(1, memory_order_relaxed)
        starting_here -= 1


cdef bint start_unclaimed(PoolState* pool, int n_threads, Outfit outfit) except -1:
    """Do so; False if each has started or is starting."""
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
