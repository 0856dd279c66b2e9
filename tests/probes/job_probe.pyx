# distutils: language = c++
"""A job whose body counts: step by step, by nogil threads that really collide, and as a simulation on a virtual clock."""

import numpy as np

from lightwork._core.atomics cimport atomic, delete_array, int64_t, memory_order_relaxed, new_array, uint32_t
from lightwork._core.chunk cimport run_start, run_stop, run_take
from lightwork._core.job cimport (
    NO_ERROR,
    Job,
    Seat,
    job_begin,
    job_fail,
    job_has_free_seat,
    job_is_live,
    job_leave_seat,
    job_reserve_seats,
    job_run_chunk,
    job_steal,
    job_stop,
    job_take_seat,
    job_was_forked,
)

from gate cimport Gate, gate_expect, gate_pass, next_random, sched_yield

cdef extern from "<cfenv>" nogil:
    int feraiseexcept(int)
    const int FE_DIVBYZERO

# What the body does to an item, over and above counting it.
cdef struct Ledger:
    unsigned char* counts        # of each item
    Py_ssize_t fails_from        # items from here on fail with the code 1 + item
    Py_ssize_t divides_by_zero   # one item


cdef int count_items(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    cdef Ledger* ledger = <Ledger*> context
    cdef Py_ssize_t i
    for i in range(start, stop):
        ledger.counts[i] += 1  # plain memory: ThreadSanitizer sees an item that two workers run
        if i == ledger.divides_by_zero:
            feraiseexcept(FE_DIVBYZERO)
    return 1 + start if start >= ledger.fails_from else 0


cdef uint32_t earliest(double[::1] clocks) noexcept nogil:
    cdef uint32_t first = 0
    cdef uint32_t i
    for i in range(<uint32_t> clocks.shape[0]):
        if clocks[i] < clocks[first]:
            first = i
    return first


cdef class Task:
    """A job over `n_items` in chunks of `grain` for `n_seats`; `parent` is one that it is nested in."""

    cdef Job* job
    cdef Ledger ledger
    cdef Gate gate
    cdef object counts_array
    cdef unsigned char[::1] counts
    cdef atomic[int] n_forks
    cdef atomic[int64_t] n_left
    cdef atomic[int]* sitting        # how many sit in each seat
    cdef atomic[int64_t] n_laps      # how often somebody sat down where another sat
    cdef uint32_t luck               # of thieves that go step by step
    cdef Task parent

    def __cinit__(self, Py_ssize_t n_items, Py_ssize_t grain, uint32_t n_seats, Task parent=None, int n_parties=1):
        self.job = new_array[Job](1)
        self.sitting = new_array[atomic[int]](n_seats)
        if self.job == NULL or self.sitting == NULL or not job_reserve_seats(self.job, n_seats):
            raise MemoryError
        self.counts_array = np.zeros(n_items, np.uint8)
        self.counts = self.counts_array
        self.ledger.counts = &self.counts[0] if n_items else NULL
        self.ledger.fails_from = n_items
        self.ledger.divides_by_zero = -1
        self.parent = parent
        self.luck = 0x9E3779B9
        self.fill(n_items, grain, n_seats)
        gate_expect(&self.gate, n_parties)
        job_begin(self.job)

    cdef void fill(self, Py_ssize_t n_items, Py_ssize_t grain, uint32_t n_seats):
        self.job.body = count_items
        self.job.context = &self.ledger
        self.job.n_items = n_items
        self.job.grain = grain
        self.job.n_chunks = (n_items + grain - 1) // grain
        self.job.n_seats = n_seats
        self.job.parent = self.parent.job if self.parent is not None else NULL
        self.job.forks = &self.n_forks
        self.n_left.store(self.job.n_chunks)

    def __dealloc__(self):
        delete_array[atomic[int]](self.sitting, self.job.n_seats)
        delete_array[Seat](self.job.seats, self.job.seats_capacity)
        delete_array[Job](self.job, 1)

    # --- Step by step ---

    @property
    def times_run(self):
        """How often each item was run."""
        return self.counts_array

    @property
    def bounds(self):
        """The bounds of each seat's run."""
        runs = [self.job.seats[i].run.load() for i in range(self.job.n_seats)]
        return [(run_start(run), run_stop(run)) for run in runs]

    @property
    def n_chunks(self):
        """How many chunks there are."""
        return self.job.n_chunks

    def take_seat(self, uint32_t preferred):
        """Sit down; return the seat, or -1."""
        return job_take_seat(self.job, preferred)

    def leave_seat(self, uint32_t seat):
        """Get up."""
        job_leave_seat(self.job, seat)

    @property
    def has_free_seat(self):
        """Whether there is one, as far as the hint goes."""
        return job_has_free_seat(self.job)

    def steal(self, uint32_t thief):
        """Fill an empty run; return whether there was something to take."""
        return job_steal(self.job, thief, &self.luck)

    def take(self, uint32_t seat):
        """Return the first chunk of a seat's run, or None."""
        cdef uint32_t chunk = 0
        return chunk if run_take(&self.job.seats[seat].run, &chunk) else None

    def run(self, uint32_t chunk, int seat=0):
        """Run one chunk."""
        job_run_chunk(self.job, chunk, seat)

    def stop(self):
        """Let no more chunks start."""
        job_stop(self.job)

    def fork(self):
        """Do to the job what a fork does in the child."""
        self.n_forks.fetch_add(1)

    def fail(self, uint32_t chunk, int code):
        """Report a failed chunk."""
        job_fail(self.job, chunk, code)

    def fail_from(self, Py_ssize_t item):
        """Let the chunks that begin at this item or after it fail."""
        self.ledger.fails_from = item

    def divide_by_zero(self, Py_ssize_t item):
        """Let one item raise a floating-point flag, and watch for it."""
        self.ledger.divides_by_zero = item
        self.job.watches_flags = True

    @property
    def is_live(self):
        """Whether another chunk may start."""
        return job_is_live(self.job)

    @property
    def was_forked(self):
        """Whether this is the child of a fork that came after the job began."""
        return job_was_forked(self.job)

    @property
    def error(self):
        """Return chunk and code of the error that is kept, or None."""
        error = self.job.error.load()
        return None if error == NO_ERROR else (error >> 32, error & 0xFFFFFFFF)

    @property
    def divided_by_zero(self):
        """Whether the flag was seen."""
        return (self.job.flags.load() & FE_DIVBYZERO) != 0

    # --- All at once ---

    cdef bint work(self, uint32_t seat, uint32_t* luck) noexcept nogil:
        cdef uint32_t chunk = 0
        if run_take(&self.job.seats[seat].run, &chunk):
            job_run_chunk(self.job, chunk, seat)
            self.n_left.fetch_sub(1, memory_order_relaxed)
            return True
        return job_steal(self.job, seat, luck)

    def take_part(self, uint32_t preferred, unsigned int seed):
        """Sit down, run some chunks, get up, until all chunks are run or one failed; return how often one sat down."""
        cdef int64_t n_seated = 0
        cdef unsigned int patience
        cdef uint32_t luck = seed | 1
        cdef int seat
        with nogil:
            gate_pass(&self.gate)
            while self.n_left.load(memory_order_relaxed) > 0 and job_is_live(self.job):
                seat = job_take_seat(self.job, preferred)
                if seat < 0:
                    sched_yield()
                    continue
                n_seated += 1
                self.n_laps.fetch_add(self.sitting[seat].fetch_add(1, memory_order_relaxed), memory_order_relaxed)
                patience = next_random(&seed) % 8
                while patience > 0 and job_is_live(self.job) and self.work(seat, &luck):
                    patience -= 1
                self.sitting[seat].fetch_sub(1, memory_order_relaxed)
                job_leave_seat(self.job, seat)
        return n_seated

    @property
    def times_on_a_lap(self):
        """How often somebody sat down where another sat."""
        return self.n_laps.load()

    # --- On a virtual clock ---

    def simulate(self, double[::1] costs, double steal_cost):
        """
        Run the job as if each chunk took its cost and each attempt to steal `steal_cost`; return when the last seat is done.

        The seat whose clock shows the least is always next: a discrete-event simulation of the code that runs for real.
        """
        cdef double[::1] clocks = np.zeros(self.job.n_seats)
        cdef double end = 0.0
        cdef uint32_t chunk = 0
        cdef uint32_t seat
        while self.n_left.load() > 0:
            seat = earliest(clocks)
            if not run_take(&self.job.seats[seat].run, &chunk):
                clocks[seat] += steal_cost
                if not (job_steal(self.job, seat, &self.luck) and run_take(&self.job.seats[seat].run, &chunk)):
                    continue
            clocks[seat] += costs[chunk]
            end = max(end, clocks[seat])
            self.n_left.fetch_sub(1)
        return end
