"""What the workers of a pool counted, added up."""

from lightwork._core.pool_state cimport PoolState

cdef object pool_statistics(PoolState* pool, int n_workers)
