"""The life of a worker: own tasks, then jobs that want help, then others' tasks; else sleep."""

from cpython.ref cimport Py_DECREF

from lightwork._core.atomics cimport (
    coarse_now_ns,
    int64_t,
    memory_order_relaxed,
    memory_order_seq_cst,
    now_ns,
    spin_hint,
    uint32_t,
    uint64_t,
)
from lightwork._core.board cimport (
    Board,
    board_ask,
    board_give_back,
    board_is_asking,
    board_wanting,
    board_withdraw,
    lowest_bit,
)
from lightwork._core.chunk cimport run_length
from lightwork._core.deque cimport Item, deque_pop
from lightwork._core.injector cimport injector_take
from lightwork._core.job cimport (
    FE_DFL_ENV,
    Job,
    fesetenv,
    job_has_chunks,
    job_has_free_seat,
    job_is_done,
    job_is_interrupted,
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
from lightwork._core.placement cimport place_away, place_back, place_init
from lightwork._core.pool_state cimport (
    PoolState,
    Tally,
    Worker,
    enter_worker,
    pool_has_work,
    pool_is_over,
    pool_let_out,
    pool_wake,
    steal_from,
    was_forked,
)
from lightwork._core.sleep cimport sleeper_announce, sleeper_cancel, sleeper_commit

cdef extern from "Python.h":
    void PyErr_SetObject(object, object)  # declared without `except`, for PyErr_WriteUnraisable to find it
    void PyErr_WriteUnraisable(object)
    int PyErr_CheckSignals()  # declared without `except`: the exception stays set until the owner returns

cdef extern from * nogil:
    """
    /* One definition for the process: only this module reads and writes it. */
    static thread_local void* lw_job = nullptr;
    """
    void* this_job "lw_job"  # a Job: Cython names its structs too late for C++ to know them here

cdef enum:
    SPIN_BATCH = 32  # looks between two readings of the clock


cdef Job* current_job() noexcept nogil:
    """The job in whose chunk this thread is; NULL in none, and in a child that the chunk forked off."""
    cdef Job* job = <Job*> this_job
    if job != NULL and job_was_forked(job):
        return NULL
    return job


cdef Job* swap_job(Job* job) noexcept nogil:
    """Enter another job, or with NULL none; returns the one to come back to."""
    global this_job
    cdef Job* outer = <Job*> this_job
    this_job = job
    return outer


# --- Tasks ----------------------------------------------------------------------------------------------------------

cdef void call_task(object task) noexcept:
    try:
        task()
    except BaseException as error:  # SystemExit too: it ends the task, and neither a worker, nor who waits for the task, nor the process
        PyErr_SetObject(type(error), error)
        PyErr_WriteUnraisable(task)


cdef void call_item(Item item) noexcept with gil:
    """Call a task once and let go of it."""
    task = <object> item
    Py_DECREF(task)
    call_task(task)


cdef bint run_task(Worker* worker, Item item) noexcept nogil:
    if item == NULL:
        return False
    cdef int64_t began = now_ns()
    worker.pool.n_busy.fetch_add(1, memory_order_relaxed)
    worker.tally.tasks.fetch_add(1, memory_order_relaxed)  # now: whoever has the task's outcome finds it counted
    call_item(item)
    worker.pool.n_busy.fetch_sub(1, memory_order_relaxed)
    pool_let_out(worker.pool)
    worker.tally.busy_ns.fetch_add(now_ns() - began, memory_order_relaxed)
    return True


# --- Jobs -----------------------------------------------------------------------------------------------------------

cdef int look_for_signals() noexcept with gil:
    """Run the handlers of what came in, apart from the job; they may make parallel calls of their own."""
    cdef Job* outer = swap_job(NULL)
    cdef int raised = PyErr_CheckSignals()
    swap_job(outer)
    return raised


cdef bint watch_signals(Watch* watch) noexcept nogil:
    """Let Python's signal handlers run if it is time; True once one of them raised."""
    if watch == NULL or watch.is_interrupted:
        return watch != NULL
    cdef int64_t now = coarse_now_ns()
    if now < watch.next_look_ns:
        return False
    watch.next_look_ns = now + SIGNALS_EVERY_NS
    watch.is_interrupted = not is_finalizing() and look_for_signals() != 0
    return watch.is_interrupted


cdef void ask_for_help(PoolState* pool, Job* job) noexcept nogil:
    """Say that there is work to share. Each who comes wakes two more, so a large pool wakes as a tree does.

    Where turns are taken it wakes one, who wakes more when there is a turn to be had."""
    board_ask(&pool.board, job)
    pool_wake(pool, 2 if job.take_turn == NULL else 1)


cdef bint turn_steal(Turn* turn) noexcept nogil:
    cdef PoolState* pool = turn.pool
    cdef Job* job = turn.job
    if job.is_stopped.load(memory_order_relaxed) or not job_steal(job, turn.seat, &turn.luck):
        return False
    turn.n_stolen += run_length(job.seats[turn.seat].run.load(memory_order_relaxed))
    if job_has_free_seat(job) and latch_is_open(&job.latch) and not board_is_asking(&pool.board, job):
        ask_for_help(pool, job)  # while the half was in nobody's run, somebody may have thought that all is done
    return True


cdef void run_chunks(Turn* turn) noexcept nogil:
    cdef uint32_t chunk = 0
    while turn_next(turn, &chunk):
        job_run_chunk(turn.job, chunk, turn.seat)
        if watch_signals(turn.watch):
            job_stop(turn.job)


cdef void work(PoolState* pool, Job* job, int seat, Tally* tally, Watch* watch) noexcept nogil:
    """Run chunks from one's own run, then from others', until there are none or the job is stopped."""
    cdef Turn turn
    cdef Job* outer
    if job.take_turn != NULL and (job.is_stopped.load(memory_order_relaxed) or not job_has_chunks(job)):
        return  # a turn would be waited for in vain
    turn.pool, turn.job, turn.seat, turn.watch = pool, job, seat, watch
    turn.luck = 0x9E3779B9u * (<uint32_t> seat + 1)  # not zero, and far from the other seats'
    turn.n_chunks = turn.n_stolen = 0
    outer = swap_job(job)
    if job.take_turn == NULL:
        run_chunks(&turn)
    else:
        job.take_turn(job.context, &turn)
    swap_job(outer)
    tally.chunks.fetch_add(turn.n_chunks, memory_order_relaxed)
    tally.stolen.fetch_add(turn.n_stolen, memory_order_relaxed)


cdef void clean_orphan(PoolState* pool, Job* job) noexcept nogil:
    job.drop(job.context)
    board_give_back(&pool.board, job)


cdef void help_in_seat(Worker* worker, Job* job, int seat) noexcept nogil:
    cdef PoolState* pool = worker.pool
    cdef int64_t began = now_ns()
    if not job_has_free_seat(job):
        board_withdraw(&pool.board, job)
    elif job.take_turn == NULL:
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

    False when the job was left to its last helper, if the context can do without its owner: after an interrupt, or when every chunk was run
    and helpers only wait for their turn."""
    cdef int64_t began = now_ns()
    while not latch_is_quiet(&job.latch):
        if job_was_forked(job):
            return True
        work(pool, job, 0, tally, watch)
        if watch_signals(watch):
            job_stop(job)
            job.is_interrupted.store(True, memory_order_relaxed)
        if job.drop != NULL and (job_is_interrupted(job) or job_is_done(job)) and latch_orphan(&job.latch):
            return False
        if now_ns() - began < SPIN_NS:
            spin_hint()
        else:
            latch_wait(&job.latch, SIGNALS_EVERY_NS if watch != NULL else -1)
    return True


# --- The loop -------------------------------------------------------------------------------------------------------

cdef bint find_and_run(Worker* worker) noexcept nogil:
    return (run_task(worker, deque_pop(&worker.deque))
            or help_anybody(worker)
            or run_task(worker, steal_from(worker.pool, worker.index))
            or run_task(worker, injector_take(&worker.pool.injector)))


cdef bint spin_for_work(PoolState* pool, int64_t began) noexcept nogil:
    cdef int _
    while now_ns() - began < SPIN_NS:
        for _ in range(SPIN_BATCH):
            if pool_has_work(pool):
                return True
            spin_hint()
    return False


cdef bint is_dismissed(Worker* worker) noexcept nogil:
    return worker.is_dismissed.load(memory_order_seq_cst)  # partner: dismiss, by way of sleep.pxd


cdef void idle(Worker* worker) noexcept nogil:
    """Spin for a while, then sleep: announce, look again, commit or cancel."""
    cdef PoolState* pool = worker.pool
    cdef int64_t began = now_ns()
    if not spin_for_work(pool, began):
        sleeper_announce(&pool.dormitory, &worker.sleeper)
        if pool_has_work(pool) or pool_is_over(pool) or is_dismissed(worker):
            sleeper_cancel(&pool.dormitory, &worker.sleeper)
        else:
            worker.tally.parks.fetch_add(1, memory_order_relaxed)
            sleeper_commit(&worker.sleeper)
            worker.tally.wakeups.fetch_add(1, memory_order_relaxed)
    worker.tally.idle_ns.fetch_add(now_ns() - began, memory_order_relaxed)


cdef void worker_run(Worker* worker) noexcept nogil:
    """What a worker's thread does until its pool is over, or does without it."""
    enter_worker(worker)
    place_init(&worker.sleeper.place)
    place_away(&worker.sleeper.place, worker.starter_cpu)
    place_back(&worker.sleeper.place)
    while not was_forked(worker):
        if is_finalizing():
            worker.sleeper.bed.park(-1)  # for ever: whoever posted this work will not miss it
            continue
        if find_and_run(worker):
            continue
        if pool_is_over(worker.pool) or is_dismissed(worker):
            break
        idle(worker)
    enter_worker(NULL)
