"""How a pool comes to have threads for items, which may wait for each other and for tasks.

A thread is started when too few have nothing in hand, as far as calls and tasks may have so many together. Two look: who has begun with items sees
to tasks and to more items, and who begins a task sees to items. Each counts itself first, so that one of them sees the other; and whoever was
woken for a task and takes an item instead leaves one thread too few, which he finds when he looks.
"""

from lightwork import _config, _cpus

from lightwork._core.atomics cimport memory_order_relaxed, memory_order_seq_cst
from lightwork._core.board cimport board_wanting
from lightwork._core.pool_state cimport PoolState, count_tasks, pool_has_task_to_begin, pool_n_in_tasks, pool_wake
from lightwork._core.threads cimport Outfit, start_one
from lightwork._core.worker cimport have_others_called_by

cdef enum:
    MOST_INSIDE = 64  # helpers of calls in tasks, together; a guess


cdef int count_workers() except -1:
    """How many workers items get where nothing is said: since items wait, more than there are CPUs."""
    workers = _config.settings().workers
    return min(32, _cpus.cpu_budget() + 4) if workers is None else workers


cdef int call_for_more(PoolState* pool, int n_sleepers, int n_inside, Outfit outfit) except -1:
    """Where one has got a turn others may, in this call or another, and items may wait for tasks: wake some, or start a thread."""
    cdef int most_in_tasks
    if (board_wanting(&pool.board) != 0 or pool_has_task_to_begin(pool)) and pool_wake(pool, n_sleepers) == 0:
        most_in_tasks = count_workers()
        pool.most_in_tasks.store(most_in_tasks, memory_order_relaxed)
        grow(pool, n_inside, most_in_tasks, outfit)
    return 0


cdef void call_from_task(PoolState* pool) noexcept:
    """A thread that begins a task may be the one that items wait for: wake another for them, or start one."""
    cdef int most_in_tasks
    if pool_wake(pool, 1) == 0:
        most_in_tasks = pool.most_in_tasks.load(memory_order_relaxed) or count_workers()
        grow(pool, pool.n_inside.load(memory_order_relaxed), most_in_tasks, None)


cdef int grow(PoolState* pool, int n_inside, int most_in_tasks, Outfit outfit) except -1:
    """Start a thread if there are not enough that have nothing in hand: one for items, and one for each task that nobody has begun.

    Who waits for a turn has nothing in hand, and comes here when he has one."""
    cdef int n_threads = pool.n_threads.load(memory_order_seq_cst)  # partner: pool_retire, which counts down and then looks at the board
    cdef int n_in_items = pool.n_in_items.load(memory_order_seq_cst)  # partner: Items.take_turn
    cdef int n_tasks = <int> min(count_tasks(pool, most_in_tasks), most_in_tasks)  # first: who takes one is counted in tasks before
    cdef int n_in_tasks = pool_n_in_tasks(pool)
    cdef int n_free = n_threads - n_in_items - n_in_tasks
    cdef int most
    n_tasks = max(0, min(n_tasks, most_in_tasks - n_in_tasks))
    if n_free < n_tasks + (board_wanting(&pool.board) != 0):
        most = most_in_items(pool, n_inside) + min(n_in_tasks + n_tasks, most_in_tasks)
        try:
            start_one(pool, min(most, pool.max_workers), outfit)
        except (RuntimeError, MemoryError):
            pass  # the system gives no more: those that exist do it, or the caller alone
    return 0


cdef int most_in_items(PoolState* pool, int n_inside) noexcept:
    """As many threads as calls want together.

    Calls within items make do with them, or with as many as one has workers, so that nesting does not multiply threads; in tasks it may to a
    degree, for what comes by way of `submit` knows nothing of the others."""
    return max(n_inside, pool.n_wanted.load(memory_order_relaxed) + min(MOST_INSIDE, pool.n_wanted_inside.load(memory_order_relaxed)))


have_others_called_by(call_from_task)
