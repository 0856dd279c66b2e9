"""The life of a worker: own tasks, then jobs that want help, then others' tasks; else sleep."""

from lightwork._core.inner import inner_threads
from lightwork._core.pause import pause

from cpython.ref cimport Py_DECREF

from lightwork._core.atomics cimport (
    coarse_now_ns,
    int64_t,
    memory_order_relaxed,
    memory_order_seq_cst,
    now_ns,
    sleep_ns,
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
from lightwork._core.gil cimport gil_leave, gil_take, has_gil, is_finalizing
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
from lightwork._core.patience cimport patience_learn, patience_now
from lightwork._core.placement cimport place_away, place_back, place_init
from lightwork._core.pool_state cimport (
    PoolState,
    Tally,
    Worker,
    enter_worker,
    pool_enter,
    pool_has_task_to_begin,
    pool_has_tasks,
    pool_has_work,
    pool_is_crowded,
    pool_is_over,
    pool_leave,
    pool_let_out,
    pool_wake,
    steal_from,
    was_forked,
)
from lightwork._core.sleep cimport sleeper_announce, sleeper_cancel, sleeper_doze

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
    SPIN_BATCH = 32             # looks between two readings of the clock
    MOMENT_NS = 20_000          # in which a few items that do nothing are done
    DOZE_NS = 10_000_000        # after a job run by turns, in which others may come: some 60 looks, of 5 µs each
    NAP_NS = 100_000            # which with the system's slack take half as long again
    HOLD_NS = 2_000             # who submits a call lets go of the GIL within about this time, if he waits for its result
    OWN_IN_A_ROW = 61           # tasks, then the oldest that waits comes first; a guess
    PAUSE_EVERY_NS = 4_000_000  # about a tick of the coarse clock, and a little less than the interpreter's own switch interval


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


cdef void call_item(Item item) noexcept:
    """Call a task once and let go of it."""
    task = <object> item
    Py_DECREF(task)
    call_task(task)


cdef CallOthers call_others = NULL


cdef void have_others_called_by(CallOthers call) noexcept:
    global call_others
    call_others = call


cdef bint items_want_help(PoolState* pool) noexcept nogil:
    """Whether there is a job run by turns that wants helpers. A hint where there is no GIL, and the job is another's already."""
    cdef uint64_t wanting = board_wanting(&pool.board)
    while wanting != 0:
        if pool.board.jobs[lowest_bit(wanting)].is_by_turns.load(memory_order_relaxed):
            return True
        wanting &= wanting - 1
    return False


cdef void stay_beside(Worker* worker, int n_workers) noexcept:
    """In a task: keep the threads of libraries down until there is nothing to do for a while."""
    worker.is_beside = True
    inner_threads.enter(<size_t> worker, n_workers)


cdef void leave_inner(Worker* worker) noexcept with gil:
    worker.is_beside = False
    inner_threads.leave(<size_t> worker)


cdef void leave_libraries(Worker* worker) noexcept nogil:
    """Let them have their threads again. Who submits one call after the other waits for this but once: it takes longer than such a call."""
    cdef bint is_taken
    if worker.is_beside and not is_finalizing():
        is_taken = gil_take()
        leave_inner(worker)
        gil_leave(is_taken)


cdef Item take_oldest(Worker* worker) noexcept nogil:
    """From time to time, a task that has waited for long, one's own included: tasks that spawn tasks for ever keep nobody else's waiting for ever."""
    if worker.tally.tasks.load(memory_order_relaxed) % OWN_IN_A_ROW != OWN_IN_A_ROW - 1:
        return NULL
    cdef Item item = injector_take(&worker.pool.injector)
    return item if item != NULL else steal_from(worker.pool, worker.index)


cdef Item take_task(Worker* worker, bint is_ready) noexcept nogil:
    """One's own next task or, for who is ready for any, the oldest of another worker, or from outside; NULL if there is none."""
    cdef Item item = take_oldest(worker) if is_ready else NULL
    if item == NULL:
        item = deque_pop(&worker.deque)
    if item == NULL and is_ready:
        item = steal_from(worker.pool, worker.index)
        if item == NULL:
            item = injector_take(&worker.pool.injector)
    return item


cdef void call_items(Worker* worker, Item item) noexcept with gil:
    """Call a task and those that come after it, without letting go of the GIL in between: to hand it over costs more than most tasks.

    A thread that finds one too many in tasks leaves after its own (partner: step_back). A job that wants help comes before tasks of others.
    A function in C gives the interpreter no occasion to let another thread have the GIL, so there is one from time to time."""
    cdef PoolState* pool = worker.pool
    cdef int64_t paused = coarse_now_ns()
    if items_want_help(pool):  # this thread may have been meant for them, and they wait for each other; it is counted (partner: growth.pyx)
        call_others(pool)
    while item != NULL:
        worker.tally.tasks.fetch_add(1, memory_order_relaxed)  # now: whoever has the task's outcome finds it counted
        call_item(item)
        if was_forked(worker):
            return
        pool_let_out(pool)
        if coarse_now_ns() - paused >= PAUSE_EVERY_NS:
            call_task(pause)
            paused = coarse_now_ns()
        item = NULL if is_finalizing() or pool_is_crowded(pool) else take_task(worker, board_wanting(&pool.board) == 0)
    # Before others have the GIL: who has been waiting for the last outcome may submit another call while this thread is still on its way out,
    # and finds that somebody will look for it. It is counted out before it looks (partner: pool_is_watched).
    pool.n_watching.fetch_add(1, memory_order_seq_cst)
    worker.is_counted = True


cdef void call_without_gil(Worker* worker, Item item) noexcept nogil:
    cdef bint is_taken = gil_take()
    call_items(worker, item)
    gil_leave(is_taken)


cdef Item begin_tasks(Worker* worker, bint is_ready) noexcept nogil:
    """Take a task, if there is one and not as many threads are in tasks as there may be."""
    cdef Item item
    if not pool_has_tasks(worker.pool) or not pool_enter(worker):
        return NULL
    item = take_task(worker, is_ready)
    if item == NULL:
        pool_leave(worker)
    return item


cdef void run_tasks(Worker* worker, Item item) noexcept nogil:
    """Run a task that was taken so, and those that come after it."""
    cdef int64_t began = now_ns()
    worker.expects_turns = False
    call_without_gil(worker, item)
    worker.tally.busy_ns.fetch_add(now_ns() - began, memory_order_relaxed)
    pool_leave(worker)
    if worker.is_counted:  # else the task has forked, and this is the child
        worker.is_counted = False
        worker.pool.n_watching.fetch_sub(1, memory_order_seq_cst)


cdef bint find_tasks(Worker* worker, bint is_ready) noexcept nogil:
    cdef Item item = begin_tasks(worker, is_ready)
    if item != NULL:
        run_tasks(worker, item)
    return item != NULL


# --- Jobs -----------------------------------------------------------------------------------------------------------

cdef int look_for_signals() noexcept with gil:
    """Run the handlers of what came in, apart from the job; they may make parallel calls of their own."""
    cdef Job* outer = swap_job(NULL)
    cdef int raised = PyErr_CheckSignals()
    swap_job(outer)
    return raised


cdef int look_without_gil() noexcept nogil:
    cdef bint is_taken = gil_take()
    cdef int raised = look_for_signals()
    gil_leave(is_taken)
    return raised


cdef bint watch_signals(Watch* watch) noexcept nogil:
    """Let Python's signal handlers run if it is time; True once one of them raised."""
    if watch == NULL or watch.is_interrupted:
        return watch != NULL
    cdef int64_t now = coarse_now_ns()
    if now < watch.next_look_ns:
        return False
    watch.next_look_ns = now + SIGNALS_EVERY_NS
    watch.is_interrupted = not is_finalizing() and look_without_gil() != 0
    return watch.is_interrupted


cdef void ask_for_help(PoolState* pool, Job* job) noexcept nogil:
    """Say that there is work to share. Each who comes wakes two more, so a large pool wakes as a tree does.

    Where turns are taken it wakes one, who wakes more when there is a turn to be had; nobody, if somebody will look anyway: to wake a thread
    may take longer than the whole call."""
    board_ask(&pool.board, job)
    if job.take_turn == NULL:
        pool_wake(pool, 2)
    elif pool.n_dozing.load(memory_order_seq_cst) == 0 and pool_wake(pool, 1) > 0:  # partner: doze
        pool.was_called_for_turns.store(has_gil, memory_order_relaxed)  # a hint


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
    cdef bint is_taken = gil_take()  # which every context wants that knows Python
    job.drop(job.context)
    gil_leave(is_taken)
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


cdef bint wants_for_long(Worker* worker, Job* job) noexcept nogil:
    """Wait a moment before joining a job that is run by turns at the GIL, unless it is over by then.

    A helper that is inside at the end is left with the job, and what it has to drop takes the GIL from the caller who went on."""
    if worker.expects_turns:
        pass_on_a_call(worker.pool)
        sleep_ns(MOMENT_NS)
    return board_is_asking(&worker.pool.board, job)


cdef void pass_on_a_call(PoolState* pool) noexcept nogil:
    """Wake another for tasks: this thread may have been woken for one, and the items of a job may wait for it (partner: call_for_more)."""
    if pool_has_task_to_begin(pool):
        pool_wake(pool, 1)


cdef bint help(Worker* worker, Job* job) noexcept nogil:
    """Take part in a job that seems to want helpers; False when it did not after all."""
    cdef PoolState* pool = worker.pool
    cdef bint must_clean = False
    cdef int seat = -1
    worker.expects_turns = has_gil and job.is_by_turns.load(memory_order_relaxed)
    if not wants_for_long(worker, job):
        return False
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
    return find_tasks(worker, board_wanting(&worker.pool.board) == 0) or help_anybody(worker) or find_tasks(worker, True)


cdef bint spin_for_work(PoolState* pool, int64_t began, int64_t most_ns) noexcept nogil:
    cdef int _
    while now_ns() - began < most_ns:
        for _ in range(SPIN_BATCH):
            if pool_has_work(pool):
                return True
            spin_hint()
    return False


cdef void hold_off() noexcept nogil:
    """Leave the GIL to whoever has just submitted a task; to ask for it now would be to sleep until it is handed over."""
    cdef int64_t end = now_ns() + HOLD_NS
    while now_ns() < end:
        spin_hint()


cdef bint watch_for_work(PoolState* pool, int64_t began) noexcept nogil:
    pool.n_watching.fetch_add(1, memory_order_seq_cst)
    cdef int64_t most_ns = SPIN_NS if pool.max_workers == 0 else patience_now(&pool.patience)
    cdef bint found = spin_for_work(pool, began, most_ns)
    patience_learn(&pool.patience, found, now_ns() - began)
    pool.n_watching.fetch_sub(1, memory_order_seq_cst)  # and then it looks: partner pool_is_watched
    if has_gil and found and board_wanting(&pool.board) == 0:
        hold_off()
    return found


cdef bint is_dismissed(Worker* worker) noexcept nogil:
    return worker.is_dismissed.load(memory_order_seq_cst)  # partner: dismiss, by way of sleep.pxd


cdef bint fall_asleep(Worker* worker) noexcept nogil:
    """Announce, look again, commit or cancel; False after a sleep from which nobody woke this worker."""
    cdef PoolState* pool = worker.pool
    cdef bint is_wanted = True
    sleeper_announce(&pool.dormitory, &worker.sleeper)
    if pool_has_work(pool) or pool_is_over(pool) or is_dismissed(worker):
        sleeper_cancel(&pool.dormitory, &worker.sleeper)
    else:
        worker.tally.parks.fetch_add(1, memory_order_relaxed)
        is_wanted = sleeper_doze(&pool.dormitory, &worker.sleeper, pool.idle_ns)
        worker.tally.wakeups.fetch_add(1, memory_order_relaxed)
    return is_wanted


cdef bint nap(Worker* worker) noexcept nogil:
    """Sleep for a moment, unless there is something to do; True if there is. Counted as sleep if somebody had to wake this worker."""
    cdef PoolState* pool = worker.pool
    cdef bint was_woken
    sleeper_announce(&pool.dormitory, &worker.sleeper)
    if pool_has_work(pool) or pool_is_over(pool) or is_dismissed(worker):
        sleeper_cancel(&pool.dormitory, &worker.sleeper)
        return True
    was_woken = sleeper_doze(&pool.dormitory, &worker.sleeper, NAP_NS)
    worker.tally.parks.fetch_add(was_woken, memory_order_relaxed)
    worker.tally.wakeups.fetch_add(was_woken, memory_order_relaxed)
    return was_woken


cdef bint doze(Worker* worker) noexcept nogil:
    """Look for jobs run by turns from time to time, so that who makes many small calls need not wake anybody for each; True if something came.

    Whoever comes to such a job waits a moment anyway. Where there is no GIL help is welcome at once, and nobody dozes."""
    cdef PoolState* pool = worker.pool
    cdef int64_t until = now_ns() + DOZE_NS
    cdef bint found = False
    if not worker.expects_turns or pool.n_dozing.exchange(1, memory_order_seq_cst) != 0:
        return False
    while not found and now_ns() < until:
        found = nap(worker)
    worker.expects_turns = found
    pool.n_dozing.store(0, memory_order_seq_cst)  # and then it looks (partner: ask_for_help)
    return found


cdef bint idle(Worker* worker) noexcept nogil:
    """Spin for a while or doze, then sleep; False if nobody wanted this worker for as long as its pool keeps an idle one."""
    cdef int64_t began = now_ns()
    worker.expects_turns = worker.pool.was_called_for_turns.exchange(False, memory_order_relaxed) or worker.expects_turns
    cdef bint is_wanted = not worker.expects_turns and watch_for_work(worker.pool, began)
    if not is_wanted:
        leave_libraries(worker)
        is_wanted = doze(worker) or fall_asleep(worker)
    cdef int64_t took = now_ns() - began
    worker.tally.idle_ns.fetch_add(took, memory_order_relaxed)
    return is_wanted or took < worker.pool.idle_ns


cdef Item worker_begin(Worker* worker) noexcept nogil:
    """Become a worker, and take its first task; who started this thread for it can count on that it is begun, also if he shuts the pool down next."""
    enter_worker(worker)
    return begin_tasks(worker, True)


cdef void worker_run(Worker* worker, Item first) noexcept nogil:
    """What a worker's thread does until its pool is over, or has not wanted it for long."""
    place_init(&worker.sleeper.place)
    place_away(&worker.sleeper.place, worker.starter_cpu)
    place_back(&worker.sleeper.place)
    if first != NULL:
        run_tasks(worker, first)
    while not was_forked(worker):
        if is_finalizing():
            worker.sleeper.bed.park(-1)  # for ever: whoever posted this work will not miss it
            continue
        if find_and_run(worker):
            continue
        if pool_is_over(worker.pool) or is_dismissed(worker) or not idle(worker):
            leave_libraries(worker)
            break
    enter_worker(NULL)
