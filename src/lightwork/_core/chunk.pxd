"""Chunks of a job, and the run of chunks that a worker owns: two 32-bit bounds packed in one atomic word.

The owner takes from the front, a thief takes half from the back, each by one compare-and-swap of the whole word. A word is
the whole state, and a chunk that was run never stands in a word again, so a word that changed and came back means what it
says: there is no ABA problem. The word guards nothing but itself (a job's fields are published by its latch), so relaxed order is enough.
"""

from lightwork._core.atomics cimport atomic, memory_order_relaxed, uint32_t, uint64_t

ctypedef uint64_t packed_run

# How an attempt to steal ended, for runs and for deques alike.
cdef enum Steal:
    GOT    # the thief owns what it asked for
    EMPTY  # there was nothing to take
    LOST   # somebody else changed the word first; looking again may help


cdef inline packed_run run_pack(uint32_t start, uint32_t stop) noexcept nogil:
    return (<packed_run> stop) << 32 | start


cdef inline uint32_t run_start(packed_run run) noexcept nogil:
    return <uint32_t> run


cdef inline uint32_t run_stop(packed_run run) noexcept nogil:
    return <uint32_t> (run >> 32)


cdef inline uint32_t run_length(packed_run run) noexcept nogil:
    return run_stop(run) - run_start(run)


cdef inline bint run_take(atomic[packed_run]* run, uint32_t* chunk) noexcept nogil:
    """Take the first chunk of one's own run; False when it is empty."""
    cdef packed_run seen = run.load(memory_order_relaxed)
    while run_length(seen) > 0:
        chunk[0] = run_start(seen)
        if run.compare_exchange_weak(seen, run_pack(run_start(seen) + 1, run_stop(seen)), memory_order_relaxed, memory_order_relaxed):
            return True
    return False


cdef inline bint run_take_guarded(atomic[packed_run]* run, uint32_t* chunk) noexcept nogil:
    """The same where everybody who takes or steals holds the GIL: 5 ns less, which is a tenth of what an item costs."""
    cdef packed_run seen = run.load(memory_order_relaxed)
    if run_length(seen) == 0:
        return False
    chunk[0] = run_start(seen)
    run.store(run_pack(run_start(seen) + 1, run_stop(seen)), memory_order_relaxed)
    return True


cdef inline Steal run_steal_half(atomic[packed_run]* run, packed_run* stolen) noexcept nogil:
    """Take the back half of a victim's run, the larger half of an odd one, so that a last chunk can be stolen too."""
    cdef packed_run seen = run.load(memory_order_relaxed)
    cdef uint32_t length = run_length(seen)
    if length == 0:
        return EMPTY
    cdef uint32_t middle = run_start(seen) + length // 2
    stolen[0] = run_pack(middle, run_stop(seen))
    if run.compare_exchange_strong(seen, run_pack(run_start(seen), middle), memory_order_relaxed, memory_order_relaxed):
        return GOT
    return LOST


cdef inline packed_run run_share(uint32_t n_chunks, uint32_t n_runs, uint32_t index) noexcept nogil:
    """The `index`-th of `n_runs` contiguous shares of `[0, n_chunks)`; sizes differ by one at most."""
    return run_pack(<uint32_t> (<uint64_t> n_chunks * index // n_runs),
                    <uint32_t> (<uint64_t> n_chunks * (index + 1) // n_runs))
