"""Pools as Python and the rest of the core see them."""

from lightwork._core.atomics cimport atomic, int64_t
from lightwork._core.pool_state cimport PoolState, Worker

cdef PoolState* refresh(atomic[PoolState*]* place, int max_workers, int64_t idle_ns) except NULL
cdef void pool_hold(PoolState* pool) noexcept nogil
cdef void pool_release(PoolState* pool) noexcept nogil
cdef PoolState* home_pool() except NULL
cdef bint start_one(PoolState* pool, int n_threads, Outfit outfit=*) except -1
cdef int pool_ensure(PoolState* pool, int n_threads) except -1
cdef int default_workers(PoolState* pool) except -1
cdef object take_latest(Worker* worker)
cdef int put_latest(Worker* worker, object task) except -1
cdef int drop_latest(Worker* worker, object task) except -1

# What the threads of a pool have in common.
cdef class Outfit:
    cdef object name           # of a worker's index, what its thread is called
    cdef object prepare        # None, or what each thread calls before all else; it returns None, or what the tasks are to fail with
    cdef Py_ssize_t stack_size  # 0: the system's

cdef class Core:
    cdef atomic[PoolState*] state
    cdef atomic[int] is_closed  # also for a forked child's pool, which is another
    cdef int64_t idle_ns
    cdef Outfit outfit
    cdef readonly int max_workers
    cdef PoolState* alive(self) except NULL
    cdef int post(self, object task, bint may_grow) except -1
    cdef int grow(self, PoolState* pool, object task) except -1
    cdef int give_up(self, object task, object error) except -1
