"""One parallel region: a body, the chunks of `[0, n_items)`, a seat for each who takes part, and how it ended.

Jobs live in their pool's board for as long as the pool does and are used again and again, so a late look at one is never a
look at freed memory. What is not atomic is written by the owner before latch_open and only read after latch_join.
"""

from lightwork._core.atomics cimport (
    CACHE_LINE,
    atomic,
    delete_array,
    int64_t,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    new_array,
    now_ns,
    uint32_t,
    uint64_t,
)
from lightwork._core.chunk cimport EMPTY, GOT, LOST, Steal, packed_run, run_length, run_share, run_steal_half, run_take
from lightwork._core.latch cimport Latch

cdef extern from "<cfenv>" nogil:
    ctypedef struct fenv_t:
        pass
    const int FE_ALL_EXCEPT
    const fenv_t* FE_DFL_ENV
    int feclearexcept(int)
    int fegetenv(fenv_t*)
    int fesetenv(const fenv_t*)
    int fetestexcept(int)

# Runs the items [start, stop) and answers 0, or a positive code of its own that stops the job, or INTERRUPTED, which also
# keeps the owner from waiting for chunks in progress, if the context can do without it. `worker` is the seat, below
# the job's n_seats: no two threads have the same one at the same time, so it may index scratch memory.
ctypedef int (*Body)(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil

cdef enum:
    INTERRUPTED = 0x7fffffff

# Runs chunks for a whole stay in a seat, holding the GIL, which is dear to take for each chunk: where there is one, nobody takes a chunk of such
# a job without it. `turn` is a Turn of worker.pxd, which stands above. Only after it was taken do more helpers come: who takes a turn wakes them.
ctypedef void (*TakeTurn)(void* context, void* turn) noexcept nogil

# Frees the context of an orphaned job.
ctypedef void (*Drop)(void* context) noexcept nogil

cdef struct Seat:
    atomic[packed_run] run    # the chunks that the one who sits here owns
    atomic[int] is_taken
    atomic[uint32_t] n_done   # chunks that were run by who sat here, where turns are taken
    char line[CACHE_LINE - 16]

cdef struct Job:
    Body body
    TakeTurn take_turn        # instead of the body, or NULL
    void* context
    Drop drop
    Py_ssize_t n_items
    Py_ssize_t grain          # items in a chunk; the last chunk may be shorter
    uint32_t n_chunks
    uint32_t n_seats          # 1 <= n_seats <= seats_capacity; seat 0 is the owner's
    uint32_t seats_capacity
    Seat* seats
    Job* parent               # the job in whose chunk the owner was, or NULL; outlives this one
    atomic[int]* forks        # how often this process has been forked off, and
    int forks_seen            # how often when the job began: in a child of ours its other threads do not exist
    int64_t began_ns
    fenv_t environment        # the owner's rounding and denormal modes, which hold in every seat
    bint watches_flags        # whether floating-point status is collected
    atomic[int] is_by_turns   # whether there is a `take_turn`; a hint for who has not joined
    atomic[uint32_t] n_taken  # seats taken; a hint, the seats themselves decide
    atomic[int] is_stopped
    atomic[int] is_interrupted
    atomic[int] flags         # the union of the floating-point status flags of all chunks
    atomic[uint64_t] error    # chunk << 32 | code of the first failed chunk by index, or NO_ERROR
    Latch latch

cdef extern from * nogil:
    """
    static constexpr uint64_t LW_NO_ERROR = ~0ull;
    """
    const uint64_t NO_ERROR "LW_NO_ERROR"


cdef inline bint job_reserve_seats(Job* job, uint32_t n_seats) noexcept nogil:
    if n_seats <= job.seats_capacity:
        return True
    cdef Seat* seats = new_array[Seat](n_seats)
    if seats == NULL:
        return False
    delete_array[Seat](job.seats, job.seats_capacity)
    job.seats = seats
    job.seats_capacity = n_seats
    return True


cdef inline void job_begin(Job* job) noexcept nogil:
    """Owner only, with body, bounds and n_seats set: share out the chunks and sit down in seat 0."""
    cdef uint32_t i
    for i in range(job.n_seats):
        job.seats[i].run.store(run_share(job.n_chunks, job.n_seats, i), memory_order_relaxed)
        job.seats[i].is_taken.store(i == 0, memory_order_relaxed)
        job.seats[i].n_done.store(0, memory_order_relaxed)
    job.n_taken.store(1, memory_order_relaxed)
    job.is_stopped.store(False, memory_order_relaxed)
    job.is_interrupted.store(False, memory_order_relaxed)
    job.flags.store(0, memory_order_relaxed)
    job.error.store(NO_ERROR, memory_order_relaxed)
    job.is_by_turns.store(job.take_turn != NULL, memory_order_relaxed)
    job.began_ns = now_ns()
    job.forks_seen = job.forks.load(memory_order_relaxed)
    if job.n_seats > 1:
        fegetenv(&job.environment)


cdef inline bint job_was_forked(Job* job) noexcept nogil:
    return job.forks.load(memory_order_relaxed) != job.forks_seen


cdef inline void job_stop(Job* job) noexcept nogil:
    job.is_stopped.store(True, memory_order_relaxed)  # a hint to start no more; what follows from it is ordered by the latch


cdef inline bint job_is_live(Job* job) noexcept nogil:
    """Whether another chunk may start: nothing stopped this job, nor any that it is nested in."""
    while job != NULL:
        if job.is_stopped.load(memory_order_relaxed) or job_was_forked(job):
            return False
        job = job.parent
    return True


cdef inline void job_fail(Job* job, uint32_t chunk, int code) noexcept nogil:
    """Stop, and keep the error of the first chunk by index among those that ran."""
    cdef uint64_t mine = <uint64_t> chunk << 32 | <uint32_t> code
    cdef uint64_t seen = job.error.load(memory_order_relaxed)
    while mine < seen and not job.error.compare_exchange_weak(seen, mine, memory_order_relaxed, memory_order_relaxed):
        pass
    if code == INTERRUPTED:
        job.is_interrupted.store(True, memory_order_release)  # partner: job_is_interrupted
    job_stop(job)


cdef inline bint job_is_interrupted(Job* job) noexcept nogil:
    """Whether the owner need not wait for chunks in progress, and sees what interrupted it."""
    return job.is_interrupted.load(memory_order_acquire) != 0  # partner: job_fail


cdef inline void job_count_done(Job* job, uint32_t seat) noexcept nogil:
    """By who sits there: another chunk was run, and what it wrote is to be seen."""
    cdef atomic[uint32_t]* n_done = &job.seats[seat].n_done
    n_done.store(n_done.load(memory_order_relaxed) + 1, memory_order_release)  # partner: job_is_done


cdef inline uint64_t job_n_done(Job* job) noexcept nogil:
    """How many chunks were run so far, where turns are taken."""
    cdef uint64_t n_done = 0
    cdef uint32_t i
    for i in range(job.n_seats):
        n_done += job.seats[i].n_done.load(memory_order_acquire)  # partner: job_count_done
    return n_done


cdef inline bint job_is_done(Job* job) noexcept nogil:
    """Whether every chunk was run, so that whoever is still inside has nothing to do there."""
    return job_n_done(job) == job.n_chunks


cdef inline bint job_has_chunks(Job* job) noexcept nogil:
    """Whether somebody could take a chunk; only a hint."""
    cdef uint32_t i
    for i in range(job.n_seats):
        if run_length(job.seats[i].run.load(memory_order_relaxed)) > 0:
            return True
    return False


cdef inline int job_take_seat(Job* job, uint32_t preferred) noexcept nogil:
    """A free seat, `preferred` if possible so that the same worker gets the same chunks in every call; -1 when all are taken."""
    cdef uint32_t i, seat
    cdef int free
    for i in range(job.n_seats):
        seat = (preferred + i) % job.n_seats
        free = False
        # Acquire and release in job_leave_seat: the run and the scratch of a seat pass from one worker to the next.
        if job.seats[seat].is_taken.compare_exchange_strong(free, True, memory_order_acquire, memory_order_relaxed):
            job.n_taken.fetch_add(1, memory_order_relaxed)
            return seat
    return -1


cdef inline void job_leave_seat(Job* job, uint32_t seat) noexcept nogil:
    job.n_taken.fetch_sub(1, memory_order_relaxed)
    job.seats[seat].is_taken.store(False, memory_order_release)  # partner: job_take_seat


cdef inline bint job_has_free_seat(Job* job) noexcept nogil:
    return job.n_taken.load(memory_order_relaxed) < job.n_seats


cdef inline Py_ssize_t job_chunk_start(Job* job, uint32_t chunk) noexcept nogil:
    return <Py_ssize_t> chunk * job.grain


cdef inline Py_ssize_t job_chunk_stop(Job* job, uint32_t chunk) noexcept nogil:
    cdef Py_ssize_t start = job_chunk_start(job, chunk)
    return start + min(job.grain, job.n_items - start)


cdef inline void job_run_chunk(Job* job, uint32_t chunk, int seat) noexcept nogil:
    cdef Py_ssize_t start = job_chunk_start(job, chunk)
    cdef Py_ssize_t stop = job_chunk_stop(job, chunk)
    cdef int code, raised
    if job.watches_flags and fetestexcept(FE_ALL_EXCEPT):  # to look costs a tenth of clearing
        feclearexcept(FE_ALL_EXCEPT)
    code = job.body(job.context, start, stop, seat)
    if job.watches_flags:
        raised = fetestexcept(FE_ALL_EXCEPT)
        if raised & ~job.flags.load(memory_order_relaxed):
            job.flags.fetch_or(raised, memory_order_relaxed)  # read by the owner after the latch is quiet
    if code != 0:
        job_fail(job, chunk, code)


cdef inline uint32_t draw(uint32_t* luck) noexcept nogil:
    """The next number of a xorshift generator (Marsaglia 2003) whose state is not zero."""
    luck[0] ^= luck[0] << 13
    luck[0] ^= luck[0] >> 17
    luck[0] ^= luck[0] << 5
    return luck[0]


cdef inline bint job_steal(Job* job, uint32_t thief, uint32_t* luck) noexcept nogil:
    """Fill the thief's own empty run with half of another that is not; False when all are empty.

    It looks from a seat drawn by lot on. From its neighbour on, all thieves would follow each other around: on 1 024 workers, by
    benchmarks/steal_model.py, that costs two thirds of the time where the work stands at the front."""
    cdef packed_run stolen = 0
    cdef uint32_t i, first
    cdef bint lost = True
    cdef Steal outcome
    while lost:
        lost = False
        first = draw(luck) % job.n_seats
        for i in range(job.n_seats):
            outcome = run_steal_half(&job.seats[(first + i) % job.n_seats].run, &stolen)
            if outcome == GOT:
                job.seats[thief].run.store(stolen, memory_order_relaxed)  # nobody swaps an empty word, so none is overwritten
                return True
            lost = lost or outcome == LOST
    return False
