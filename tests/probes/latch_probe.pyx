# distutils: language = c++
"""A latch, used from Python step by step, and by an owner and helpers without the GIL."""

import numpy as np

from lightwork._core.atomics cimport atomic, delete_array, int64_t, memory_order_relaxed, new_array, now_ns
from lightwork._core.latch cimport (
    Latch,
    latch_close,
    latch_helpers,
    latch_is_open,
    latch_is_quiet,
    latch_join,
    latch_leave,
    latch_open,
    latch_orphan,
    latch_wait,
)

from gate cimport Gate, gate_expect, gate_pass, next_random, sched_yield

cdef enum:
    PATIENCE_NS = 20_000_000_000  # on a busy machine a thread may not run for seconds


cdef class Door:
    """A latch, and an owner's field that helpers may read while they are in."""

    cdef Latch* latch
    cdef Gate gate
    cdef int64_t field             # plain memory: the round, for the helpers inside to read; negative between rounds
    cdef int64_t[::1] notes        # plain memory: how often each helper was inside, for the owner to read between rounds
    cdef atomic[int] n_inside
    cdef atomic[int] is_over
    cdef atomic[int64_t] n_joined
    cdef atomic[int64_t] n_astray  # helpers that were inside between rounds
    cdef atomic[int64_t] n_cleaned

    def __cinit__(self, int n_helpers=0):
        self.latch = new_array[Latch](1)
        if self.latch == NULL:
            raise MemoryError
        self.notes = np.zeros(max(n_helpers, 1), np.int64)
        gate_expect(&self.gate, n_helpers + 1)

    def __dealloc__(self):
        delete_array[Latch](self.latch, 1)

    # --- Step by step ---

    def open(self):
        """Let helpers in."""
        latch_open(self.latch)

    def close(self):
        """Let no more helpers in."""
        latch_close(self.latch)

    def join(self):
        """Return whether one got in and, if not, whether one has to clean up."""
        cdef bint must_clean = False
        cdef bint joined = latch_join(self.latch, &must_clean)
        return joined, must_clean

    def leave(self):
        """Return whether one has to clean up."""
        return latch_leave(self.latch)

    def orphan(self):
        """Return whether the clean-up is somebody else's from here on."""
        return latch_orphan(self.latch)

    def wait(self, int64_t timeout):
        """Wait for the last helper, once, for at most so many nanoseconds."""
        with nogil:
            latch_wait(self.latch, timeout)

    @property
    def is_open(self):
        """Whether helpers may come in."""
        return latch_is_open(self.latch)

    @property
    def is_quiet(self):
        """Whether no helper is in."""
        return latch_is_quiet(self.latch)

    @property
    def n_helpers(self):
        """How many helpers are in."""
        return latch_helpers(self.latch.word.load())

    # --- All at once ---

    @property
    def counts(self):
        """How often somebody joined, was inside between rounds, and cleaned up."""
        return self.n_joined.load(), self.n_astray.load(), self.n_cleaned.load()

    cdef void admit(self, int64_t round, unsigned int* seed) noexcept nogil:
        """Open for a moment."""
        cdef unsigned int moment = next_random(seed) % 64
        self.field = round
        latch_open(self.latch)
        while moment > 0:
            moment -= 1
            if moment % 16 == 0:
                sched_yield()
        latch_close(self.latch)

    cdef bint settle(self) noexcept nogil:
        """Wait for the last helper; False if that took so long that a wake-up must have been lost."""
        cdef int64_t began = now_ns()
        while not latch_is_quiet(self.latch):
            latch_wait(self.latch, PATIENCE_NS)
        return now_ns() - began < PATIENCE_NS

    cdef bint is_told_all(self) noexcept nogil:
        """Whether the owner sees nobody inside, and every note that was made there."""
        cdef int64_t n_noted = 0
        cdef Py_ssize_t i
        for i in range(self.notes.shape[0]):
            n_noted += self.notes[i]
        return self.n_inside.load(memory_order_relaxed) == 0 and n_noted == self.n_joined.load(memory_order_relaxed)

    def own(self, int64_t n_rounds, unsigned int seed):
        """Owner: open, close and wait, again and again. Return how many rounds were overslept, at most one, and after how many not all was seen."""
        cdef int64_t n_overslept = 0, n_untold = 0
        cdef int64_t round
        with nogil:
            gate_pass(&self.gate)
            for round in range(1, n_rounds + 1):
                self.admit(round, &seed)
                n_overslept += not self.settle()
                if n_overslept > 0:
                    break
                n_untold += not self.is_told_all()
                self.field = -round
            self.is_over.store(True)
        return n_overslept, n_untold

    def own_and_go(self, int64_t n_rounds, unsigned int seed):
        """Owner: open, close and go away, again and again; wait only for the clean-up. Return how many were left to helpers."""
        cdef int64_t n_left = 0
        cdef int64_t round
        with nogil:
            gate_pass(&self.gate)
            for round in range(1, n_rounds + 1):
                self.admit(round, &seed)
                if latch_orphan(self.latch):
                    n_left += 1
                    while self.n_cleaned.load() < n_left:
                        sched_yield()
                self.field = -round
            self.is_over.store(True)
        return n_left

    def help(self, int helper):
        """Helper: come in whenever the door is open, read and note, go out; clean up where one is told to."""
        cdef bint must_clean = False
        with nogil:
            gate_pass(&self.gate)
            while not self.is_over.load(memory_order_relaxed):
                must_clean = False
                if latch_join(self.latch, &must_clean):
                    self.n_inside.fetch_add(1, memory_order_relaxed)
                    self.n_joined.fetch_add(1, memory_order_relaxed)
                    self.notes[helper] += 1
                    self.n_astray.fetch_add(self.field < 0, memory_order_relaxed)
                    self.n_inside.fetch_sub(1, memory_order_relaxed)
                    must_clean = latch_leave(self.latch)
                else:
                    sched_yield()
                if must_clean:
                    self.n_cleaned.fetch_add(1)
