"""Pools of one's own, as Python and the rest of the core see them."""

from lightwork._core.atomics cimport atomic, int64_t
from lightwork._core.pool_state cimport PoolState
from lightwork._core.threads cimport Outfit

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
