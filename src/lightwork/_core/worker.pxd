"""How a worker lives, and how the owner of a job works on it and waits."""

from lightwork._core.atomics cimport atomic, int64_t, uint32_t
from lightwork._core.chunk cimport packed_run, run_take, run_take_guarded
from lightwork._core.deque cimport Item
from lightwork._core.gil cimport has_gil
from lightwork._core.job cimport Job, job_is_live
from lightwork._core.pool_state cimport PoolState, Tally, Worker

cdef enum:
    SPIN_NS = 50_000             # look for work this long before falling asleep; about what waking up costs
    SIGNALS_EVERY_NS = 50_000_000

# How the owner of a job looks for signals while it works and waits.
cdef struct Watch:
    int64_t next_look_ns         # on the coarse clock
    bint is_interrupted          # a handler raised; the exception is set in the owner's thread state

# One stay in a seat of a job.
cdef struct Turn:
    PoolState* pool
    Job* job
    int seat
    uint32_t luck                # whom to rob next
    Watch* watch                 # the owner's, if it is to look for signals; else NULL
    int64_t n_chunks             # taken so far,
    int64_t n_stolen             # and of these, those that came out of another's run

# Fill one's own empty run with half of another's; False when there is nothing left to take.
cdef bint turn_steal(Turn* turn) noexcept nogil
# Let Python's signal handlers run if it is time; True once one of them raised.
cdef bint watch_signals(Watch* watch) noexcept nogil


cdef inline bint take_chunk(Turn* turn, uint32_t* chunk) noexcept nogil:
    """The next of one's own run. Where there is a GIL, everybody in a job run by turns holds it."""
    cdef atomic[packed_run]* run = &turn.job.seats[turn.seat].run
    return run_take_guarded(run, chunk) if has_gil and turn.job.take_turn != NULL else run_take(run, chunk)


cdef inline bint turn_next(Turn* turn, uint32_t* chunk) noexcept nogil:
    """Take the next chunk; False when there is none, or none may start any more."""
    while not take_chunk(turn, chunk):
        if not turn_steal(turn):
            return False
    if not job_is_live(turn.job):  # not asked before: only with a chunk in hand is the job not over, nor are those around it
        return False
    turn.n_chunks += 1
    return True


# Wake or start another for items that want help, called with the GIL. Set by who knows how, who stands above.
ctypedef void (*CallOthers)(PoolState* pool) noexcept
cdef void have_others_called_by(CallOthers call_others) noexcept

# Call a task, which reports its own errors; what escapes is nobody's, and shown as such.
cdef void call_task(object task) noexcept
# In a task: keep the threads of libraries to what so many workers leave them, until the worker has had nothing to do for a while.
cdef void stay_beside(Worker* worker, int n_workers) noexcept
# A worker's thread calls the one before it lets go of the GIL, and the other with what it returned, which may be NULL.
cdef Item worker_begin(Worker* worker) noexcept nogil
cdef void worker_run(Worker* worker, Item first) noexcept nogil
cdef Job* current_job() noexcept nogil
cdef Job* swap_job(Job* job) noexcept nogil
cdef void owner_work(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil
cdef bint owner_wait(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil
