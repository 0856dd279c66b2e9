"""The tasks of a pool that nobody has begun."""

from lightwork._core.pool_state cimport PoolState, Worker

cdef bint pool_is_manned(PoolState* pool) noexcept nogil
cdef list take_back(PoolState* pool)
cdef object take_latest(Worker* worker)
cdef int put_latest(Worker* worker, object task) except -1
cdef int drop_latest(Worker* worker, object task) except -1
cdef int fail_tasks(PoolState* pool, object failure) except -1
