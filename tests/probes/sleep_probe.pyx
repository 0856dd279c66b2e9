# distutils: language = c++
"""Sleepers and those who wake them, step by step, and as nogil threads between which a wake-up could be lost."""

from lightwork._core.atomics cimport (
    atomic,
    delete_array,
    int64_t,
    memory_order_relaxed,
    memory_order_seq_cst,
    new_array,
    now_ns,
)
from lightwork._core.placement cimport place_init
from lightwork._core.sleep cimport (
    SLEEPY,
    Dormitory,
    Sleeper,
    dormitory_is_awake,
    sleeper_announce,
    sleeper_cancel,
    sleeper_commit,
    sleeper_wake,
)

from gate cimport Gate, gate_expect, gate_pass, next_random, sched_yield

cdef enum:
    PATIENCE_NS = 20_000_000_000  # on a busy machine a thread may not run for seconds


cdef class Night:
    """A dormitory of `n_sleepers`, and a counter that stands for work."""

    cdef Dormitory dormitory
    cdef Sleeper* sleepers
    cdef int n_sleepers
    cdef Gate gate
    cdef atomic[int64_t] n_posted   # pieces of work that nobody has taken
    cdef atomic[int64_t] n_taken
    cdef atomic[int64_t] n_slept
    cdef atomic[int] is_over

    def __cinit__(self, int n_sleepers, int n_parties):
        self.sleepers = new_array[Sleeper](n_sleepers)
        if self.sleepers == NULL:
            raise MemoryError
        self.n_sleepers = n_sleepers
        gate_expect(&self.gate, n_parties)

    def __dealloc__(self):
        delete_array[Sleeper](self.sleepers, self.n_sleepers)

    # --- Step by step ---

    def announce(self, int sleeper):
        """Announce one's sleep."""
        place_init(&self.sleepers[sleeper].place)
        sleeper_announce(&self.dormitory, &self.sleepers[sleeper])

    def cancel(self, int sleeper):
        """Stay awake after all; return whether nobody was quicker."""
        return sleeper_cancel(&self.dormitory, &self.sleepers[sleeper])

    def commit(self, int sleeper):
        """Sleep until woken."""
        with nogil:
            sleeper_commit(&self.sleepers[sleeper])

    def wake(self, int sleeper):
        """Wake one; return whether it was this call that did."""
        return sleeper_wake(&self.dormitory, &self.sleepers[sleeper], -1)

    def has_token(self, int sleeper):
        """Whether one would not sleep; takes the token."""
        return self.sleepers[sleeper].bed.park(0)

    @property
    def is_awake(self):
        """Whether nobody is sleepy."""
        return dormitory_is_awake(&self.dormitory)

    def is_sleepy(self, int sleeper):
        """Whether one is sleepy."""
        return self.sleepers[sleeper].state.load() == SLEEPY

    @property
    def times_slept(self):
        """How often somebody committed."""
        return self.n_slept.load()

    # --- No wake-up is lost ---

    cdef bint take(self) noexcept nogil:
        cdef int64_t seen = self.n_posted.load(memory_order_seq_cst)
        while seen > 0:
            if self.n_posted.compare_exchange_weak(seen, seen - 1, memory_order_seq_cst, memory_order_seq_cst):
                return True
        return False

    cdef void hold(self, int64_t n_pieces) noexcept nogil:
        """Keep what one took until all pieces of its round are taken, as a task does that waits for another."""
        cdef int64_t before = self.n_taken.fetch_add(1)
        cdef int64_t end_of_round = before - before % n_pieces + n_pieces
        while self.n_taken.load() < end_of_round and not self.is_over.load():
            sched_yield()

    def sleep(self, int sleeper, int64_t n_pieces):
        """Sleeper: take work and hold it until the round's `n_pieces` are taken; without work, announce, look again, commit or cancel."""
        cdef Sleeper* me = &self.sleepers[sleeper]
        with nogil:
            place_init(&me.place)
            gate_pass(&self.gate)
            while not self.is_over.load():
                if self.take():
                    self.hold(n_pieces)
                    continue
                sleeper_announce(&self.dormitory, me)
                if self.n_posted.load(memory_order_seq_cst) > 0 or self.is_over.load():
                    sleeper_cancel(&self.dormitory, me)
                else:
                    self.n_slept.fetch_add(1, memory_order_relaxed)
                    sleeper_commit(me)

    cdef void wake_one(self) noexcept nogil:
        cdef int i
        for i in range(self.n_sleepers):
            if dormitory_is_awake(&self.dormitory) or sleeper_wake(&self.dormitory, &self.sleepers[i], -1):
                return

    cdef bint post(self, int64_t n_pieces) noexcept nogil:
        """Post the pieces of a round one by one, each with a wake-up; False if they were not all taken in good time."""
        cdef int64_t began = now_ns()
        cdef int64_t _
        cdef int64_t end_of_round = self.n_taken.load() + n_pieces
        for _ in range(n_pieces):
            self.n_posted.fetch_add(1, memory_order_seq_cst)
            self.wake_one()
        while self.n_taken.load() < end_of_round:
            if now_ns() - began > PATIENCE_NS:
                return False
            sched_yield()
        return True

    cdef void end(self) noexcept nogil:
        cdef int i
        self.is_over.store(True, memory_order_seq_cst)
        for i in range(self.n_sleepers):
            sleeper_wake(&self.dormitory, &self.sleepers[i], -1)

    def post_rounds(self, int64_t n_rounds, int64_t n_pieces, unsigned int seed):
        """Poster: post `n_pieces` for so many rounds, at random moments; return the rounds until a piece was left lying."""
        cdef int64_t round = 0
        cdef unsigned int moment
        with nogil:
            gate_pass(&self.gate)
            while round < n_rounds and self.post(n_pieces):
                round += 1
                moment = next_random(&seed) % 512  # so that some find everybody asleep, and some in the middle of falling asleep
                while moment > 0:
                    moment -= 1
                    if moment % 128 == 0:
                        sched_yield()
            self.end()
        return round

    # --- Who is sleepy is counted ---

    def nod(self, int sleeper, int64_t n_rounds):
        """Sleeper: announce and cancel, again and again."""
        cdef int64_t _
        with nogil:
            place_init(&self.sleepers[sleeper].place)
            gate_pass(&self.gate)
            for _ in range(n_rounds):
                sleeper_announce(&self.dormitory, &self.sleepers[sleeper])
                sleeper_cancel(&self.dormitory, &self.sleepers[sleeper])
            self.is_over.store(True)

    def nudge(self, int sleeper):
        """Waker: wake one sleeper whenever it is sleepy."""
        with nogil:
            gate_pass(&self.gate)
            while not self.is_over.load():
                sleeper_wake(&self.dormitory, &self.sleepers[sleeper], -1)

    def watch(self):
        """Observer: return how often the dormitory seemed to be awake."""
        cdef int64_t n_awake = 0
        with nogil:
            gate_pass(&self.gate)
            while not self.is_over.load():
                n_awake += dormitory_is_awake(&self.dormitory)
        return n_awake
