"""When pools are made and freed, and which of them is whose."""

from lightwork._core.atomics cimport atomic, int64_t
from lightwork._core.pool_state cimport PoolState

cdef bint is_stale(PoolState* pool) noexcept nogil
cdef void pool_hold(PoolState* pool) noexcept nogil
cdef void pool_release(PoolState* pool) noexcept nogil
cdef PoolState* refresh(atomic[PoolState*]* place, int max_workers, int64_t idle_ns) except NULL
cdef PoolState* home_pool() except NULL
cdef PoolState* shared_pool() except NULL
cdef PoolState* shared_pool_if_any() noexcept nogil
cdef int default_workers(PoolState* pool) except -1
