"""One parallel call, from the side of its caller: take a job, share it, work, wait, tell how it ended."""

from lightwork._errors import Stopped

from libc.stdint cimport UINT32_MAX

from lightwork._core.atomics cimport (
    coarse_now_ns,
    delete_array,
    int64_t,
    memory_order_relaxed,
    new_array,
    now_ns,
    uint32_t,
    uint64_t,
)
from lightwork._core.board cimport BOARD_JOBS, board_give_back, board_take, board_withdraw
from lightwork._core.gil cimport is_finalizing
from lightwork._core.job cimport (
    NO_ERROR,
    Body,
    Job,
    Seat,
    TakeTurn,
    job_begin,
    job_is_live,
    job_reserve_seats,
    job_was_forked,
)
from lightwork._core.latch cimport latch_close, latch_open
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.threads cimport pool_ensure
from lightwork._core.pool_state cimport MAX_WORKERS, PoolState, Tally, Worker, current_worker, forks
from lightwork._core.worker cimport SIGNALS_EVERY_NS, Watch, current_job, owner_wait, owner_work

cdef enum:
    CHUNKS_PER_WORKER = 32  # where nothing is known of the body: balance to a few percent, for a third of a microsecond a worker


cdef int count_workers(PoolState* pool, Region* region) except -1:
    """As many as were asked for and have something to do."""
    cdef int n_workers = region.n_workers if region.n_workers > 0 else default_workers(pool)
    if is_finalizing():
        n_workers = 1  # other threads can neither be started nor take the GIL any more
    n_workers = min(n_workers, pool.max_workers if pool.max_workers > 0 else MAX_WORKERS)
    if region.grain <= 0:
        region.grain = region.n_items // (n_workers * CHUNKS_PER_WORKER)
    region.grain = max(1, min(region.grain, region.n_items))
    return min(n_workers, max(1, count_chunks(region.n_items, region.grain)))


cdef int ensure_threads(PoolState* pool, int n_workers) except -1:
    try:
        # In a pool of one's own the caller may be one of its threads; the default pool keeps to the budget.
        pool_ensure(pool, n_workers if pool.max_workers > 0 and current_worker() != NULL else n_workers - 1)
    except (RuntimeError, MemoryError):
        pass  # no more threads to be had, as at interpreter shutdown: those that exist do it, or the caller alone
    return 0


cdef Job* take_job(PoolState* pool) except NULL:
    """A job of the board, or one to be run alone when all are in use."""
    cdef Job* job = board_take(&pool.board)
    if job != NULL:
        return job
    job = new_array[Job](1)
    if job == NULL:
        raise MemoryError("no memory for a job")
    job.forks = forks()
    return job


cdef inline bint is_on_board(PoolState* pool, Job* job) noexcept nogil:
    return &pool.board.jobs[0] <= job < &pool.board.jobs[0] + BOARD_JOBS


cdef void give_back(PoolState* pool, Job* job) noexcept nogil:
    if is_on_board(pool, job):
        board_give_back(&pool.board, job)
    else:
        delete_array[Seat](job.seats, job.seats_capacity)
        delete_array[Job](job, 1)


cdef void fill_job(Job* job, Region* region, TakeTurn take_turn, int n_seats) noexcept nogil:
    while count_chunks(region.n_items, region.grain) > <Py_ssize_t> UINT32_MAX:
        region.grain *= 2
    job.body = region.body
    job.take_turn = take_turn
    job.context = region.context
    job.drop = region.drop
    job.n_items = region.n_items
    job.grain = region.grain
    job.n_chunks = <uint32_t> count_chunks(region.n_items, region.grain)
    job.n_seats = n_seats
    job.parent = current_job()
    job.watches_flags = region.watches_flags


cdef bint run_job(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil:
    """Work and wait; False if the job was left to its last helper."""
    cdef int64_t began
    cdef bint is_over = True
    job_begin(job)
    began = job.began_ns
    if job.n_seats > 1:
        latch_open(&job.latch)
    owner_work(pool, job, tally, watch)
    if job.n_seats > 1:
        board_withdraw(&pool.board, job)
        latch_close(&job.latch)
        is_over = owner_wait(pool, job, tally, watch)
    tally.jobs.fetch_add(1, memory_order_relaxed)
    tally.busy_ns.fetch_add(now_ns() - began, memory_order_relaxed)
    return is_over


cdef void tell(Region* region, Job* job) noexcept nogil:
    cdef uint64_t error = job.error.load(memory_order_relaxed)  # ordered by the quiet latch
    region.flags = job.flags.load(memory_order_relaxed)
    region.code = 0
    if error != NO_ERROR:
        region.code = max(1, <int> (error & UINT32_MAX))  # a body's negative code too is an error, and here -1 means an exception


cdef int region_run(Region* region) except -1:
    cdef PoolState* pool = home_pool()
    cdef int n_workers = count_workers(pool, region)
    ensure_threads(pool, n_workers)
    return run(pool, region, NULL, n_workers)


cdef int region_run_turns(PoolState* pool, Region* region, TakeTurn take_turn) except -1:
    return run(pool, region, take_turn, count_workers(pool, region))


cdef int run(PoolState* pool, Region* region, TakeTurn take_turn, int n_seats) except -1:
    cdef Worker* worker = current_worker()
    cdef Job* job = take_job(pool)
    cdef Watch watch
    cdef bint is_live = True, was_forked = False
    if not is_on_board(pool, job) or not job_reserve_seats(job, n_seats):
        n_seats = 1
    if not job_reserve_seats(job, n_seats):
        give_back(pool, job)
        raise MemoryError("no memory for a job")
    region.n_workers = n_seats
    fill_job(job, region, take_turn, n_seats)
    watch.is_interrupted = False
    watch.next_look_ns = coarse_now_ns() + SIGNALS_EVERY_NS
    if worker == NULL:
        worker = pool.workers[0].load(memory_order_relaxed)
    with nogil:
        region.is_orphaned = not run_job(pool, job, &worker.tally, &watch if worker.index == 0 else NULL)
        if not region.is_orphaned:
            tell(region, job)
            is_live = job_is_live(job)
            was_forked = job_was_forked(job)
            give_back(pool, job)
    if watch.is_interrupted:
        return -1  # the handler's exception is set
    if was_forked:
        raise RuntimeError("this process was forked off inside a parallel call, which only the parent can finish; leave the child by os._exit()")
    if not is_live and region.code == 0:
        raise Stopped("the parallel call around this one was stopped")
    return 0


cdef int parallel_for(Body body, void* context, Py_ssize_t n_items, Py_ssize_t grain=0, int n_workers=0) except -1:
    cdef Region region
    if n_items < 0 or grain < 0 or n_workers < 0:
        raise ValueError("n_items, grain and n_workers must not be negative")
    region.body = body
    region.context = context
    region.drop = NULL
    region.n_items = n_items
    region.grain = grain
    region.n_workers = n_workers
    region.watches_flags = False
    region_run(&region)
    return region.code
