"""The threads of pools, as pools see them."""

from lightwork._core.pool_state cimport PoolState

# What the threads of a pool have in common.
cdef class Outfit:
    cdef object name           # of a worker's index, what its thread is called
    cdef object prepare        # None, or what each thread calls before all else; it returns None, or what the tasks are to fail with
    cdef Py_ssize_t stack_size  # 0: the system's

cdef Outfit new_outfit(object name, object prepare, Py_ssize_t stack_size)
cdef bint start_one(PoolState* pool, int n_threads, Outfit outfit=*) except -1
cdef int pool_ensure(PoolState* pool, int n_threads) except -1
cdef list threads_of(PoolState* pool)
cdef list dismiss(PoolState* pool)
cdef list leaving(PoolState* pool)
cdef int close_and_join(PoolState* pool, Outfit outfit) except -1
cdef bint is_exiting() noexcept nogil
