# distutils: language = c++
"""Runs of chunks, used from Python step by step, and by nogil threads that really collide."""

import numpy as np

from lightwork._core.atomics cimport (
    atomic,
    delete_array,
    int64_t,
    memory_order_relaxed,
    new_array,
    uint32_t,
    uint64_t,
)
from lightwork._core.chunk cimport (
    EMPTY,
    GOT,
    LOST,
    Steal,
    packed_run,
    run_length,
    run_pack,
    run_share,
    run_start,
    run_steal_half,
    run_stop,
    run_take,
)

from gate cimport Gate, gate_expect, gate_pass

cdef dict OUTCOMES = {GOT: "GOT", EMPTY: "EMPTY", LOST: "LOST"}


def packed(uint32_t start, uint32_t stop):
    """Return the word that holds these bounds."""
    return run_pack(start, stop)


def unpacked(uint64_t word):
    """Return start, stop and length of a word."""
    return run_start(word), run_stop(word), run_length(word)


def share(uint32_t n_chunks, uint32_t n_runs, uint32_t index):
    """Return the bounds of one share."""
    cdef packed_run run = run_share(n_chunks, n_runs, index)
    return run_start(run), run_stop(run)


cdef class Runs:
    """The runs of `n_runs` workers over `[0, n_chunks)`, and how often each chunk was taken."""

    cdef atomic[packed_run]* runs
    cdef readonly uint32_t n_runs
    cdef uint32_t n_chunks
    cdef Gate gate
    cdef atomic[int64_t] n_taken
    cdef object taken_array
    cdef unsigned char[::1] taken

    def __cinit__(self, uint32_t n_chunks, uint32_t n_runs):
        cdef uint32_t i
        self.runs = new_array[atomic[packed_run]](n_runs)
        if self.runs == NULL:
            raise MemoryError
        self.n_runs = n_runs
        self.n_chunks = n_chunks
        self.taken_array = np.zeros(n_chunks, np.uint8)
        self.taken = self.taken_array
        for i in range(n_runs):
            self.runs[i].store(run_share(n_chunks, n_runs, i))
        gate_expect(&self.gate, n_runs)

    def __dealloc__(self):
        delete_array[atomic[packed_run]](self.runs, self.n_runs)

    @property
    def times_taken(self):
        """How often each chunk was taken in :meth:`work`."""
        return self.taken_array

    def bounds(self, uint32_t index):
        """Return start and stop of one worker's run."""
        cdef packed_run run = self.runs[index].load()
        return run_start(run), run_stop(run)

    def take(self, uint32_t index):
        """Take the first chunk of one's own run, or return None."""
        cdef uint32_t chunk = 0
        return chunk if run_take(&self.runs[index], &chunk) else None

    def steal(self, uint32_t victim):
        """Return the outcome's name and, if it is GOT, the bounds of what was stolen."""
        cdef packed_run stolen = 0
        cdef Steal outcome = run_steal_half(&self.runs[victim], &stolen)
        return OUTCOMES[outcome], (run_start(stolen), run_stop(stolen)) if outcome == GOT else None

    cdef bint take_own(self, uint32_t index) noexcept nogil:
        cdef uint32_t chunk = 0
        if not run_take(&self.runs[index], &chunk):
            return False
        self.taken[chunk] += 1  # plain memory: ThreadSanitizer sees a chunk that two workers took
        self.n_taken.fetch_add(1, memory_order_relaxed)
        return True

    cdef Steal refill(self, uint32_t index, uint32_t victim) noexcept nogil:
        cdef packed_run stolen = 0
        cdef Steal outcome = run_steal_half(&self.runs[victim], &stolen)
        if outcome == GOT:
            self.runs[index].store(stolen, memory_order_relaxed)
        return outcome

    def work(self, uint32_t index):
        """Take chunks, else steal some, until all of them are taken; return how often a theft GOT and LOST."""
        cdef int64_t counts[3]
        cdef uint32_t victim = index
        counts[:] = [0, 0, 0]
        with nogil:
            gate_pass(&self.gate)
            while self.n_taken.load(memory_order_relaxed) < self.n_chunks:
                if self.take_own(index):
                    continue
                victim = (victim + 1) % self.n_runs
                if victim != index:
                    counts[<int> self.refill(index, victim)] += 1
        return counts[<int> GOT], counts[<int> LOST]
