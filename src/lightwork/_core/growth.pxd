"""How a pool comes to have threads for items, which may wait for each other and for tasks."""

from lightwork._core.pool_state cimport PoolState
from lightwork._core.threads cimport Outfit

# How many workers items get where nothing is said.
cdef int count_workers() except -1

# Who has got a turn calls this with how many sleepers are to be woken, where a call or a task still wants somebody; and with how many workers
# a call has that is inside an item or a task, else 0. The outfit may be None in the pool's own threads.
cdef int call_for_more(PoolState* pool, int n_sleepers, int n_inside, Outfit outfit) except -1
