"""The life of a worker: own tasks, then jobs that want help, then others' tasks; else sleep."""

from cpython.ref cimport Py_DECREF

from lightwork._core.atomics cimport (
    atomic,
    coarse_now_ns,
    delete_array,
    int64_t,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    memory_order_seq_cst,
    new_array,
    now_ns,
    spin_hint,
    uint32_t,
    uint64_t,
)
from lightwork._core.board cimport (
    BOARD_JOBS,
    Board,
    board_ask,
    board_give_back,
    board_is_asking,
    board_wanting,
    board_withdraw,
    lowest_bit,
)
from lightwork._core.chunk cimport GOT, LOST, Steal, run_length, run_take
from lightwork._core.deque cimport Item, deque_free, deque_init, deque_length, deque_pop, deque_push, deque_steal
from lightwork._core.injector cimport injector_length, injector_push, injector_take
from lightwork._core.job cimport (
    FE_DFL_ENV,
    Job,
    Seat,
    fesetenv,
    job_has_free_seat,
    job_is_live,
    job_leave_seat,
    job_run_chunk,
    job_steal,
    job_stop,
    job_take_seat,
    job_was_forked,
)
from lightwork._core.latch cimport (
    latch_is_open,
    latch_is_quiet,
    latch_join,
    latch_leave,
    latch_orphan,
    latch_wait,
)
from lightwork._core.placement cimport current_cpu, place_away, place_back, place_init
from lightwork._core.sleep cimport (
    dormitory_is_awake,
    sleeper_announce,
    sleeper_cancel,
    sleeper_commit,
    sleeper_wake,
)

cdef extern from "Python.h":
    int PyErr_CheckSignals()  # declared without `except`: the exception stays set until the owner returns
    void PyErr_WriteUnraisable(object)

cdef extern from * nogil:
    """
    /* One definition for the process: only this module reads and writes them. */
    static thread_local void* lw_worker = nullptr;
    static thread_local void* lw_job = nullptr;
    """
    void* this_worker "lw_worker"  # a Worker, and
    void* this_job "lw_job"        # a Job: Cython names its structs too late for C++ to know them here

cdef enum:
    DEQUE_CAPACITY = 64  # to begin with; a guess
    SPIN_BATCH = 32      # looks between two readings of the clock

cdef atomic[int] n_forks


cdef atomic[int]* forks() noexcept nogil:
    """How often this process has been forked off; counted in the child, before it does anything else."""
    return &n_forks


# --- What workers share ---------------------------------------------------------------------------------------------

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


cdef inline Worker* pool_worker(PoolState* pool, int index) noexcept nogil:
    """NULL while that worker's thread is being started."""
    return pool.workers[index].load(memory_order_acquire)  # partner: pool_add_worker


cdef void pool_wake(PoolState* pool, int n_wanted) noexcept nogil:
    """Wake up to `n_wanted` sleepers. Call it after posting work; costs one load while nobody sleeps."""
    cdef int i
    cdef Worker* worker
    for i in range(1, pool.n_threads.load(memory_order_relaxed) + 1):
        if n_wanted <= 0 or dormitory_is_awake(&pool.dormitory):
            return
        worker = pool_worker(pool, i)
        if worker != NULL and sleeper_wake(&pool.dormitory, &worker.sleeper):
            n_wanted -= 1


cdef bint pool_is_warm(PoolState* pool) noexcept nogil:
    """Whether a helper would come at once, because one is awake."""
    return pool.n_threads.load(memory_order_relaxed) > pool.dormitory.n_sleepy.load(memory_order_relaxed)


cdef bint pool_post(PoolState* pool, Item item) noexcept nogil:
    """Post a task: to the poster's own deque if it is a worker here, else to the injector. False without memory."""
    cdef Worker* worker = current_worker()
    cdef bint posted
    pool.n_unfinished.fetch_add(1, memory_order_relaxed)
    if worker != NULL and worker.pool == pool:
        posted = deque_push(&worker.deque, item)
    else:
        posted = injector_push(&pool.injector, item)
    if posted:
        pool_wake(pool, 1)
    else:
        pool.n_unfinished.fetch_sub(1, memory_order_relaxed)
    return posted


cdef void pool_close(PoolState* pool) noexcept nogil:
    """Let the workers return when no task is left."""
    pool.is_closing.store(True, memory_order_seq_cst)  # partners: worker_run, and idle after its announcement
    pool_wake(pool, MAX_WORKERS)


cdef bint pool_has_work(PoolState* pool) noexcept nogil:
    cdef int i
    cdef Worker* worker
    if board_wanting(&pool.board) != 0 or injector_length(&pool.injector) > 0:
        return True
    for i in range(1, pool.n_threads.load(memory_order_relaxed) + 1):
        worker = pool_worker(pool, i)
        if worker != NULL and deque_length(&worker.deque) > 0:
            return True
    return False


# --- Tasks ----------------------------------------------------------------------------------------------------------

cdef void call_task(Item item) noexcept with gil:
    """Call a Python callable once and let go of it. It reports its own errors; what escapes is nobody's, and shown as such."""
    task = <object> item
    Py_DECREF(task)
    try:
        task()
    except BaseException:  # a task's SystemExit ends the task, not the worker
        PyErr_WriteUnraisable(task)


cdef bint run_task(Worker* worker, Item item) noexcept nogil:
    if item == NULL:
        return False
    cdef int64_t began = now_ns()
    call_task(item)
    worker.pool.n_unfinished.fetch_sub(1, memory_order_release)  # partner: finish_tasks
    worker.tally.tasks.fetch_add(1, memory_order_relaxed)
    worker.tally.busy_ns.fetch_add(now_ns() - began, memory_order_relaxed)
    return True


cdef Item steal_from(PoolState* pool, int nearest) noexcept nogil:
    """The oldest task of the first worker that has one, counted on from `nearest`."""
    cdef int n_threads = pool.n_threads.load(memory_order_relaxed)
    cdef int i
    cdef bint lost = True
    cdef Item item = NULL
    cdef Steal outcome
    cdef Worker* victim
    while lost:
        lost = False
        for i in range(n_threads):
            victim = pool_worker(pool, (nearest + i) % n_threads + 1)
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
        pool.n_unfinished.fetch_sub(1, memory_order_relaxed)
    return item


# --- Jobs -----------------------------------------------------------------------------------------------------------

cdef int look_for_signals() noexcept with gil:
    return PyErr_CheckSignals()


cdef bint watch_signals(Watch* watch) noexcept nogil:
    """Let Python's signal handlers run if it is time; True once one of them raised."""
    if watch == NULL or watch.is_interrupted:
        return watch != NULL
    cdef int64_t now = coarse_now_ns()
    if now < watch.next_look_ns:
        return False
    watch.next_look_ns = now + SIGNALS_EVERY_NS
    watch.is_interrupted = look_for_signals() != 0
    return watch.is_interrupted


cdef void ask_for_help(PoolState* pool, Job* job) noexcept nogil:
    """Say that there is work to share. Each who comes wakes two more, so a large pool wakes as a tree does."""
    board_ask(&pool.board, job)
    pool_wake(pool, 2)


cdef void work(PoolState* pool, Job* job, int seat, Tally* tally, Watch* watch) noexcept nogil:
    """Run chunks from one's own run, then from others', until there are none or the job is stopped."""
    cdef uint32_t chunk = 0
    cdef int64_t n_chunks = 0, n_stolen = 0
    cdef void* outer = this_job
    cdef Seat* own = &job.seats[seat]
    global this_job
    this_job = job
    while job_is_live(job):
        if run_take(&own.run, &chunk):
            job_run_chunk(job, chunk, seat)
            n_chunks += 1
            if watch_signals(watch):
                job_stop(job)
        elif job_steal(job, seat):
            n_stolen += run_length(own.run.load(memory_order_relaxed))
            if job_has_free_seat(job) and not board_is_asking(&pool.board, job):
                ask_for_help(pool, job)  # while the half was in nobody's run, somebody may have thought that all is done
        else:
            break
    this_job = outer
    tally.chunks.fetch_add(n_chunks, memory_order_relaxed)
    tally.stolen.fetch_add(n_stolen, memory_order_relaxed)


cdef void clean_orphan(PoolState* pool, Job* job) noexcept nogil:
    job.drop(job.context)
    board_give_back(&pool.board, job)


cdef void help_in_seat(Worker* worker, Job* job, int seat) noexcept nogil:
    cdef PoolState* pool = worker.pool
    cdef int64_t began = now_ns()
    if not job_has_free_seat(job):
        board_withdraw(&pool.board, job)
    else:
        pool_wake(pool, 2)
    fesetenv(&job.environment)
    work(pool, job, seat, &worker.tally, NULL)
    fesetenv(FE_DFL_ENV)
    board_withdraw(&pool.board, job)  # there is nothing left to take
    job_leave_seat(job, seat)
    worker.tally.jobs.fetch_add(1, memory_order_relaxed)
    worker.tally.busy_ns.fetch_add(now_ns() - began, memory_order_relaxed)


cdef bint help(Worker* worker, Job* job) noexcept nogil:
    """Take part in a job that seems to want helpers; False when it did not after all."""
    cdef PoolState* pool = worker.pool
    cdef bint must_clean = False
    cdef int seat = -1
    if latch_join(&job.latch, &must_clean):
        seat = job_take_seat(job, worker.index % job.n_seats)
        if seat >= 0:
            help_in_seat(worker, job, seat)
        else:
            board_withdraw(&pool.board, job)
        if job_was_forked(job):
            return True  # in the child nobody waits at this latch, and its lock may be in any state
        must_clean = latch_leave(&job.latch)
    else:
        board_withdraw(&pool.board, job)  # an old wish, or a new owner's, who opened since:
        if latch_is_open(&job.latch):
            board_ask(&pool.board, job)
    if must_clean:
        clean_orphan(pool, job)
    return seat >= 0


cdef bint help_anybody(Worker* worker) noexcept nogil:
    cdef Board* board = &worker.pool.board
    cdef uint64_t wanting = board_wanting(board)
    while wanting != 0:
        if help(worker, &board.jobs[lowest_bit(wanting)]):
            return True
        wanting &= wanting - 1
    return False


cdef void owner_work(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil:
    """Work on one's own job, in seat 0."""
    if job.n_seats > 1:
        ask_for_help(pool, job)
    work(pool, job, 0, tally, watch)


cdef bint owner_wait(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil:
    """Wait for the helpers of a closed job, working along if one of them brings back more than it can eat.

    False when the job was left to its last helper, because a signal's handler raised and the context can wait for itself."""
    cdef int64_t began = now_ns()
    while not latch_is_quiet(&job.latch):
        if job_was_forked(job):
            return True
        work(pool, job, 0, tally, watch)
        if now_ns() - began < SPIN_NS:
            spin_hint()
            continue
        latch_wait(&job.latch, SIGNALS_EVERY_NS if watch != NULL else -1)
        if watch_signals(watch):
            job_stop(job)
            if job.drop != NULL and latch_orphan(&job.latch):
                return False
    return True


# --- The loop -------------------------------------------------------------------------------------------------------

cdef Worker* current_worker() noexcept nogil:
    """The worker whose thread this is; NULL from outside, and in a child that was forked off a worker's thread."""
    cdef Worker* worker = <Worker*> this_worker
    if worker != NULL and was_forked(worker):
        return NULL
    return worker


cdef Job* current_job() noexcept nogil:
    """The job in whose chunk this thread is, or NULL."""
    return <Job*> this_job


cdef bint find_and_run(Worker* worker) noexcept nogil:
    return (run_task(worker, deque_pop(&worker.deque))
            or help_anybody(worker)
            or run_task(worker, steal_from(worker.pool, worker.index))
            or run_task(worker, injector_take(&worker.pool.injector)))


cdef bint spin_for_work(PoolState* pool, int64_t began) noexcept nogil:
    cdef int i
    while now_ns() - began < SPIN_NS:
        for i in range(SPIN_BATCH):
            if pool_has_work(pool):
                return True
            spin_hint()
    return False


cdef bint was_forked(Worker* worker) noexcept nogil:
    """A forked child's copy of a worker has no pool to return to."""
    return worker.forks_seen != n_forks.load(memory_order_relaxed)


cdef void idle(Worker* worker) noexcept nogil:
    """Spin for a while, then sleep: announce, look again, commit or cancel."""
    cdef PoolState* pool = worker.pool
    cdef int64_t began = now_ns()
    if not spin_for_work(pool, began):
        sleeper_announce(&pool.dormitory, &worker.sleeper)
        if pool_has_work(pool) or pool.is_closing.load(memory_order_seq_cst):  # partner: pool_close
            sleeper_cancel(&pool.dormitory, &worker.sleeper)
        else:
            worker.tally.parks.fetch_add(1, memory_order_relaxed)
            sleeper_commit(&worker.sleeper)
            worker.tally.wakeups.fetch_add(1, memory_order_relaxed)
    worker.tally.idle_ns.fetch_add(now_ns() - began, memory_order_relaxed)


cdef void worker_run(Worker* worker) noexcept nogil:
    """What a worker's thread does until its pool closes; a closing pool's tasks are finished first."""
    global this_worker
    this_worker = worker
    place_init(&worker.sleeper.place)
    place_away(&worker.sleeper.place, worker.starter_cpu)
    place_back(&worker.sleeper.place)
    while not was_forked(worker):
        if not find_and_run(worker):
            if worker.pool.is_closing.load(memory_order_acquire):  # partner: pool_close
                break
            idle(worker)
    this_worker = NULL
