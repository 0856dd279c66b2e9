"""What the workers of one pool share: its board, its injector, each other's deques, and who sleeps."""

from lightwork._core.atomics cimport (
    atomic,
    delete_array,
    int64_t,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    memory_order_seq_cst,
    new_array,
    uint64_t,
)
from lightwork._core.board cimport BOARD_JOBS, board_wanting
from lightwork._core.chunk cimport GOT, LOST, Steal
from lightwork._core.deque cimport Item, deque_free, deque_init, deque_length, deque_push, deque_steal
from lightwork._core.injector cimport injector_length, injector_push, injector_take
from lightwork._core.job cimport Seat
from lightwork._core.placement cimport current_cpu
from lightwork._core.sleep cimport dormitory_is_awake, sleeper_wake

cdef extern from * nogil:
    """
    /* One definition for the process: only this module reads and writes it. */
    static thread_local void* lw_worker = nullptr;
    """
    void* this_worker "lw_worker"  # a Worker: Cython names its structs too late for C++ to know them here

cdef enum:
    DEQUE_CAPACITY = 64  # to begin with; a guess

cdef atomic[int] n_forks


# --- This process and this thread -----------------------------------------------------------------------------------

cdef atomic[int]* forks() noexcept nogil:
    """How often this process has been forked off; counted in the child, before it does anything else."""
    return &n_forks


cdef void enter_worker(Worker* worker) noexcept nogil:
    """Make this thread a worker's, or with NULL nobody's."""
    global this_worker
    this_worker = worker


cdef Worker* current_worker() noexcept nogil:
    """The worker whose thread this is; NULL from outside, and in a child that was forked off a worker's thread."""
    cdef Worker* worker = <Worker*> this_worker
    if worker != NULL and was_forked(worker):
        return NULL
    return worker


cdef bint was_forked(Worker* worker) noexcept nogil:
    """Whether this is a forked child's copy of a worker, whose pool is the parent's."""
    return worker.forks_seen != n_forks.load(memory_order_relaxed)


# --- A pool's life --------------------------------------------------------------------------------------------------

cdef PoolState* pool_new() noexcept nogil:
    cdef PoolState* pool = new_array[PoolState](1)
    cdef int i
    if pool == NULL:
        return NULL
    for i in range(BOARD_JOBS):
        pool.board.jobs[i].forks = &n_forks
    pool.board.free.store(~<uint64_t> 0, memory_order_relaxed)
    if pool_add_worker(pool, 0) == NULL:
        pool_free(pool)
        return NULL
    return pool


cdef void pool_free(PoolState* pool) noexcept nogil:
    """Of a pool whose threads have all returned, or never began."""
    cdef int i
    cdef Worker* worker
    for i in range(BOARD_JOBS):
        delete_array[Seat](pool.board.jobs[i].seats, pool.board.jobs[i].seats_capacity)
    for i in range(MAX_WORKERS + 1):
        worker = pool.workers[i].load(memory_order_relaxed)
        if worker != NULL:
            deque_free(&worker.deque)
            delete_array[Worker](worker, 1)
    delete_array[PoolState](pool, 1)


cdef Worker* pool_add_worker(PoolState* pool, int index) noexcept nogil:
    cdef Worker* worker = new_array[Worker](1)
    if worker == NULL:
        return NULL
    if not deque_init(&worker.deque, DEQUE_CAPACITY):
        delete_array[Worker](worker, 1)
        return NULL
    worker.pool = pool
    worker.index = index
    worker.starter_cpu = current_cpu()
    worker.forks_seen = n_forks.load(memory_order_relaxed)
    pool.workers[index].store(worker, memory_order_release)  # partner: pool_worker
    return worker


cdef void pool_close(PoolState* pool) noexcept nogil:
    """Let in no more tasks, and the workers go when none is left."""
    pool.is_closing.store(True, memory_order_seq_cst)  # partners: pool_let_in, pool_let_out, and idle after its announcement
    pool_wake(pool, MAX_WORKERS)


cdef bint pool_is_over(PoolState* pool) noexcept nogil:
    """Whether the pool is closed and its last task has ended; then nothing can come in any more."""
    # In this order: a task that was let in counted before it looked, so whoever sees the pool closed sees the count.
    return pool.is_closing.load(memory_order_seq_cst) and pool.n_unfinished.load(memory_order_seq_cst) == 0


# --- Its sleepers ---------------------------------------------------------------------------------------------------

cdef inline Worker* pool_worker(PoolState* pool, int index) noexcept nogil:
    """NULL while that worker's thread is being started."""
    return pool.workers[index].load(memory_order_acquire)  # partner: pool_add_worker


cdef int pool_wake(PoolState* pool, int n_wanted, bint is_apart=True) noexcept nogil:
    """Wake up to `n_wanted` sleepers and return how many there were. Call it after posting work; costs one load while nobody sleeps.

    They come to run apart from the caller's CPU, on which he goes on; unless he is about to wait for them."""
    cdef int i, n_woken = 0
    cdef Worker* worker
    for i in range(1, pool.top.load(memory_order_relaxed) + 1):
        if n_woken >= n_wanted or dormitory_is_awake(&pool.dormitory):
            break
        worker = pool_worker(pool, i)
        if worker != NULL and sleeper_wake(&pool.dormitory, &worker.sleeper, current_cpu() if is_apart else -1):
            n_woken += 1
    return n_woken


cdef bint pool_is_warm(PoolState* pool) noexcept nogil:
    """Whether a helper would come at once, because one is awake."""
    return pool.n_threads.load(memory_order_relaxed) > pool.dormitory.n_sleepy.load(memory_order_relaxed)


# --- Its items ------------------------------------------------------------------------------------------------------

cdef void pool_count_items(PoolState* pool, int64_t n_items, int64_t n_failed) noexcept nogil:
    """Count items that were finished, many at a time, and those of them that failed."""
    pool.n_items.fetch_add(n_items, memory_order_relaxed)
    if n_failed > 0:
        pool.n_failed_items.fetch_add(n_failed, memory_order_relaxed)


# --- Its tasks ------------------------------------------------------------------------------------------------------

cdef bint pool_let_in(PoolState* pool) noexcept nogil:
    """Count a task in; False if the pool is closing. No worker leaves between this and pool_let_out."""
    pool.n_unfinished.fetch_add(1, memory_order_seq_cst)  # before the look: partner pool_is_over
    if pool.is_closing.load(memory_order_seq_cst):
        pool_let_out(pool)
        return False
    return True


cdef void pool_let_out(PoolState* pool) noexcept nogil:
    """Count a task out; with the last one of a closing pool its sleepers learn that it is over."""
    # What the task did is to be seen by whoever finds the count at zero (partners: pool_is_over, has_tasks).
    if pool.n_unfinished.fetch_sub(1, memory_order_seq_cst) == 1 and pool.is_closing.load(memory_order_seq_cst):
        pool_wake(pool, MAX_WORKERS)


cdef bint pool_post(PoolState* pool, Item item) noexcept nogil:
    """Post a task that was let in: to the poster's own deque if it is a worker here, else to the injector. False without memory.

    The poster then sees that somebody comes for it: a sleeper that it wakes, or a new thread. Somebody who is only awake may
    be about to begin another task, and wait in it for this one."""
    cdef Worker* worker = current_worker()
    if worker != NULL and worker.pool == pool:
        return deque_push(&worker.deque, item)
    return injector_push(&pool.injector, item)


cdef int64_t count_tasks(PoolState* pool, int64_t enough) noexcept nogil:
    """How many tasks nobody has begun, or `enough` if there are more."""
    cdef int64_t n_tasks = max(0, injector_length(&pool.injector))
    cdef int i
    cdef Worker* worker
    for i in range(1, pool.top.load(memory_order_relaxed) + 1):
        if n_tasks >= enough:
            break
        worker = pool_worker(pool, i)
        if worker != NULL:
            n_tasks += deque_length(&worker.deque)
    return n_tasks


cdef bint pool_has_tasks(PoolState* pool) noexcept nogil:
    return count_tasks(pool, 1) > 0


cdef int pool_n_in_tasks(PoolState* pool) noexcept nogil:
    """How many threads are in tasks, or about to take one. One that begins or ends to wait there may count twice, and counts at least once."""
    cdef int n_aside = pool.n_aside.load(memory_order_seq_cst)
    cdef int n_active = pool.n_active.load(memory_order_seq_cst)  # partner: pool_enter, after which the worker looks at the board
    return n_active + max(n_aside, pool.n_aside.load(memory_order_seq_cst))  # before and after: step_aside and step_back move from one to the other


cdef bint pool_may_begin(PoolState* pool) noexcept nogil:
    """Whether one more thread may be in a task."""
    return pool.n_active.load(memory_order_seq_cst) < pool.max_workers  # partners: pool_leave, step_aside


cdef bint pool_has_task_to_begin(PoolState* pool) noexcept nogil:
    """Whether there is a task that nobody has begun, and one more thread may be in one."""
    return pool_may_begin(pool) and pool_has_tasks(pool)


cdef bint pool_has_work(PoolState* pool) noexcept nogil:
    return board_wanting(&pool.board) != 0 or pool_has_task_to_begin(pool)


cdef bint pool_is_watched(PoolState* pool) noexcept nogil:
    """Whether there are as many threads that look for work as there are tasks. Call it after posting one: nobody need be woken for it then.

    A thread that is counted here looks once more after it was counted out (partner: watch_for_work), and sees what was posted before."""
    cdef int n_watching = pool.n_watching.load(memory_order_seq_cst)
    return n_watching > 0 and count_tasks(pool, n_watching + 1) <= n_watching


cdef bint pool_enter(Worker* worker) noexcept nogil:
    """Count the worker's thread among those in tasks; False if there are as many as there may be."""
    cdef PoolState* pool = worker.pool
    cdef int seen = pool.n_active.load(memory_order_seq_cst)
    while seen < pool.max_workers:
        if pool.n_active.compare_exchange_weak(seen, seen + 1, memory_order_seq_cst, memory_order_relaxed):
            worker.is_active = True
            return True
    return False


cdef bint pool_is_crowded(PoolState* pool) noexcept nogil:
    """Whether more threads are in tasks than there may be, because one that waited goes on."""
    return pool.n_active.load(memory_order_relaxed) > pool.max_workers


cdef void pool_leave(Worker* worker) noexcept nogil:
    """Count it out again. It looks for tasks next, so one that was left lying because there were too many is not forgotten."""
    worker.is_active = False
    worker.pool.n_active.fetch_sub(1, memory_order_seq_cst)  # partner: pool_may_begin, by way of sleep.pxd


cdef bint step_aside(Worker* worker) noexcept nogil:
    """Let another thread stand in for one that is about to wait in a task; True if there are tasks that it would be wanted for."""
    cdef PoolState* pool = worker.pool
    worker.is_active = False
    pool.n_aside.fetch_add(1, memory_order_seq_cst)   # before the look: whoever posts a task looks at this next (partner: Core.post)
    pool.n_active.fetch_sub(1, memory_order_seq_cst)  # likewise: partner pool_may_begin, after a sleeper's announcement
    return pool_has_tasks(pool)


cdef void step_back(Worker* worker) noexcept nogil:
    """Go on with the task, also if the one who stands in is not done: then there is one too many until a task has ended."""
    worker.pool.n_active.fetch_add(1, memory_order_seq_cst)  # first: partner pool_n_in_tasks
    worker.pool.n_aside.fetch_sub(1, memory_order_release)
    worker.is_active = True


cdef bint pool_retire(Worker* worker) noexcept nogil:
    """Give up a worker, whose thread is about to end; False if it has to go on, for a task or a job for which nobody else would come."""
    cdef PoolState* pool = worker.pool
    cdef bint was_dismissed = worker.is_dismissed.exchange(False, memory_order_seq_cst)  # the next one to run it is not
    worker.is_running.store(False, memory_order_relaxed)
    pool.n_threads.fetch_sub(1, memory_order_seq_cst)
    pool.is_claimed[worker.index].store(False, memory_order_seq_cst)  # from here on it is another's, who claims it (partner: start_one)
    # Given up, then looked; who posts a task or a job looks for a worker to claim after that (partners: Core.grow, growth.pyx): one sees the other.
    if not (pool_has_task_to_begin(pool) or board_wanting(&pool.board) != 0) or pool.is_claimed[worker.index].exchange(True, memory_order_seq_cst):
        return True
    pool.n_threads.fetch_add(1, memory_order_seq_cst)
    worker.is_running.store(True, memory_order_relaxed)
    if was_dismissed:
        worker.is_dismissed.store(True, memory_order_seq_cst)
    return False


cdef Item steal_from(PoolState* pool, int nearest) noexcept nogil:
    """The oldest task of the first worker that has one, counted on from `nearest`."""
    cdef int top = pool.top.load(memory_order_relaxed)
    cdef int i
    cdef bint lost = True
    cdef Item item = NULL
    cdef Steal outcome
    cdef Worker* victim
    while lost:
        lost = False
        for i in range(top):
            victim = pool_worker(pool, (nearest + i) % top + 1)
            if victim == NULL:
                continue
            outcome = deque_steal(&victim.deque, &item)
            if outcome == GOT:
                return item
            lost = lost or outcome == LOST
    return NULL


cdef Item pool_take_back(PoolState* pool) noexcept nogil:
    """A task that nobody has begun, or NULL when there is none."""
    cdef Item item = injector_take(&pool.injector)
    if item == NULL:
        item = steal_from(pool, 0)
    if item != NULL:
        pool_let_out(pool)
    return item
