# distutils: language = c++
"""A board of jobs, used from Python step by step, and by nogil callers that really collide."""

import numpy as np

from lightwork._core.atomics cimport atomic, delete_array, int64_t, memory_order_relaxed, new_array, uint64_t
from lightwork._core.board cimport (
    BOARD_JOBS,
    Board,
    board_ask,
    board_give_back,
    board_is_asking,
    board_take,
    board_wanting,
    board_withdraw,
)
from lightwork._core.job cimport Job

from gate cimport Gate, gate_expect, gate_pass

N_JOBS = BOARD_JOBS


cdef class Pinboard:
    """A board, all of whose jobs are free."""

    cdef Board* board
    cdef Gate gate
    cdef int64_t[::1] uses            # plain memory: each job's, for whoever has taken it
    cdef atomic[int]* users           # how many use each job
    cdef atomic[int64_t] n_shared     # how often somebody was given what another used

    def __cinit__(self, int n_parties=1):
        self.board = new_array[Board](1)
        self.users = new_array[atomic[int]](BOARD_JOBS)
        if self.board == NULL or self.users == NULL:
            raise MemoryError
        self.board.free.store(~<uint64_t> 0)
        self.uses = np.zeros(BOARD_JOBS, np.int64)
        gate_expect(&self.gate, n_parties)

    def __dealloc__(self):
        delete_array[atomic[int]](self.users, BOARD_JOBS)
        delete_array[Board](self.board, 1)

    def take(self):
        """Return the number of a job that was free, or None."""
        cdef Job* job = board_take(self.board)
        return None if job == NULL else job - &self.board.jobs[0]

    def give_back(self, int job):
        """Make a job free."""
        board_give_back(self.board, &self.board.jobs[job])

    def ask(self, int job):
        """Ask for helpers."""
        board_ask(self.board, &self.board.jobs[job])

    def withdraw(self, int job):
        """Ask no more."""
        board_withdraw(self.board, &self.board.jobs[job])

    def is_asking(self, int job):
        """Whether a job asks for helpers."""
        return board_is_asking(self.board, &self.board.jobs[job])

    @property
    def wanting(self):
        """The numbers of the jobs that ask for helpers."""
        wanting = board_wanting(self.board)
        return [job for job in range(BOARD_JOBS) if wanting >> job & 1]

    def use(self, int64_t n_rounds):
        """Take a job and give it back, again and again; return how often none was free."""
        cdef int64_t n_refused = 0
        cdef int64_t _
        cdef Job* job
        cdef atomic[int]* n_users
        with nogil:
            gate_pass(&self.gate)
            for _ in range(n_rounds):
                job = board_take(self.board)
                if job == NULL:
                    n_refused += 1
                    continue
                n_users = &self.users[job - &self.board.jobs[0]]
                self.n_shared.fetch_add(n_users.fetch_add(1, memory_order_relaxed), memory_order_relaxed)
                self.uses[job - &self.board.jobs[0]] += 1
                board_ask(self.board, job)
                n_users.fetch_sub(1, memory_order_relaxed)
                board_give_back(self.board, job)
        return n_refused

    @property
    def times_shared(self):
        """How often somebody was given a job that another used."""
        return self.n_shared.load()

    @property
    def n_uses(self):
        """How often jobs were used, counted by those who had taken them."""
        return int(np.sum(self.uses))
