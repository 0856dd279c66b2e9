"""When pools are made and freed, which of them is whose, and what a fork leaves of them."""

from lightwork import _config, _cpus

from lightwork._core.atomics cimport (
    atomic,
    int64_t,
    memory_order_acq_rel,
    memory_order_acquire,
    memory_order_relaxed,
)
from lightwork._core.patience cimport patience_init
from lightwork._core.pool_state cimport (
    MAX_WORKERS,
    PoolState,
    Worker,
    current_worker,
    forks,
    pool_free,
    pool_new,
    was_forked,
)

cdef extern from "<pthread.h>" nogil:
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil, void (*child)() noexcept nogil)

cdef enum:
    FOR_EVER = -1  # how long the default pool keeps its workers

cdef atomic[PoolState*] default_pool


cdef void forget_pools() noexcept nogil:
    """In a forked child, first of all: every pool is stale from here on. They are never freed or joined there, for their
    locks may be in any state and their threads do not exist."""
    forks().fetch_add(1, memory_order_relaxed)


if pthread_atfork(NULL, NULL, forget_pools) != 0:
    raise MemoryError("no memory to register a fork handler")


cdef bint is_stale(PoolState* pool) noexcept nogil:
    return was_forked(pool.workers[0].load(memory_order_relaxed))


cdef PoolState* new_pool(int max_workers, int64_t idle_ns) except NULL:
    cdef PoolState* pool = pool_new()
    if pool == NULL:
        raise MemoryError("no memory for a pool")
    pool.max_workers = max_workers
    pool.idle_ns = idle_ns
    patience_init(&pool.patience)
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


cdef PoolState* shared_pool() except NULL:
    """The default pool."""
    return refresh(&default_pool, 0, FOR_EVER)


cdef PoolState* shared_pool_if_any() noexcept nogil:
    """The default pool if this process has made it, else NULL."""
    cdef PoolState* pool = default_pool.load(memory_order_acquire)
    if pool != NULL and is_stale(pool):
        pool = NULL
    return pool


cdef PoolState* home_pool() except NULL:
    """The pool whose worker this thread is, else the default pool."""
    cdef Worker* worker = current_worker()
    return worker.pool if worker != NULL else shared_pool()


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
