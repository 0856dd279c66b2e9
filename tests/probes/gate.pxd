"""A gate at which threads without the GIL meet, so that what they do next they do at the same moment."""

from lightwork._core.atomics cimport atomic, memory_order_acq_rel, memory_order_acquire

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef struct Gate:
    atomic[int] n_missing


cdef inline void gate_expect(Gate* gate, int n_parties) noexcept nogil:
    gate.n_missing.store(n_parties)


cdef inline void gate_pass(Gate* gate) noexcept nogil:
    """Wait for the others. What they did before is seen after it, what they do from here on is ordered by nothing."""
    gate.n_missing.fetch_sub(1, memory_order_acq_rel)
    while gate.n_missing.load(memory_order_acquire) > 0:
        sched_yield()


cdef inline unsigned int next_random(unsigned int* state) noexcept nogil:
    """A linear congruential generator: the same schedule for the same seed, at the price of a multiplication."""
    state[0] = state[0] * 1664525 + 1013904223
    return state[0] >> 16
