"""For how long to look out for something before falling asleep, as experience teaches.

Who is woken comes late: on a virtual machine whose other CPU has gone to sleep, by about 50 µs. Two threads that hand work to each other, and
both fall asleep a little too soon, would never find out that either need only have stayed awake for as long as the other takes to wake up. So
from time to time one waits for the longest time that may pay, and keeps to what it learns by that; where that is no use it costs 2 µs a wait on
average.
"""

from lightwork._core.atomics cimport atomic, int64_t, memory_order_relaxed

cdef enum:
    MOST_PATIENCE_NS = 120_000  # waking up twice, and a little
    LEAST_PATIENCE_NS = 2_000   # a look
    TRY_EVERY = 64              # waits

cdef struct Patience:
    atomic[int64_t] ns
    atomic[int64_t] n_waits


cdef inline void patience_init(Patience* patience) noexcept nogil:
    patience.ns.store(MOST_PATIENCE_NS, memory_order_relaxed)


cdef inline int64_t patience_now(Patience* patience) noexcept nogil:
    """For how long to look out this time."""
    cdef bint is_trial = patience.n_waits.fetch_add(1, memory_order_relaxed) % TRY_EVERY == TRY_EVERY - 1
    return MOST_PATIENCE_NS if is_trial else patience.ns.load(memory_order_relaxed)


cdef inline void patience_learn(Patience* patience, bint was_rewarded, int64_t took) noexcept nogil:
    """Look out for twice as long as what came took, where something did, and for less long where nothing did: there its bringer may want this CPU."""
    cdef int64_t now = patience.ns.load(memory_order_relaxed)
    cdef int64_t then = max(now, min(2 * took, MOST_PATIENCE_NS)) if was_rewarded else max(now // 2, LEAST_PATIENCE_NS)
    patience.ns.store(then, memory_order_relaxed)
