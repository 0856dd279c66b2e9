"""Pools as Python and the rest of the core see them."""

from lightwork._core.atomics cimport atomic
from lightwork._core.pool_state cimport PoolState

cdef PoolState* refresh(atomic[PoolState*]* place, int max_workers) except NULL
cdef PoolState* home_pool() except NULL
cdef bint start_one(PoolState* pool, int n_threads) except -1
cdef int pool_ensure(PoolState* pool, int n_threads) except -1
cdef int default_workers(PoolState* pool) except -1

cdef class Core:
    cdef atomic[PoolState*] state
    cdef readonly int max_workers
    cdef PoolState* alive(self) except NULL
    cdef int grow(self, PoolState* pool, object task) except -1
    cdef int give_up(self, object task, object error) except -1
