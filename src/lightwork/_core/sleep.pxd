"""How an idle worker falls asleep without missing work: announce, look again, then commit or cancel.

The worker announces that it is sleepy and then looks for work; whoever posts work posts it and then looks for the sleepy. All
four steps are sequentially consistent, so at least one of the two sees the other. README.md tells it event by event.
"""

from lightwork._core.atomics cimport atomic, int64_t, memory_order_acquire, memory_order_relaxed, memory_order_seq_cst
from lightwork._core.parker cimport Parker
from lightwork._core.placement cimport Place, place_away, place_back

cdef enum Wakefulness:
    AWAKE   # working, or looking for work
    SLEEPY  # announced: asleep, or about to be; whoever turns this to AWAKE owes the sleeper a token

cdef struct Sleeper:
    atomic[int] state
    Parker bed
    Place place  # the waker's between turning the state to AWAKE and leaving the token, else the sleeper's

# One for a pool: how many of its sleepers are sleepy, so that posting work to an awake pool costs one load.
cdef struct Dormitory:
    atomic[int] n_sleepy


cdef inline void sleeper_announce(Dormitory* dormitory, Sleeper* sleeper) noexcept nogil:
    # First the count: a waker subtracts for each state that it turns, so the count may be too high for a moment, never too low.
    dormitory.n_sleepy.fetch_add(1, memory_order_seq_cst)   # partner: dormitory_is_awake, after work was posted
    sleeper.state.store(SLEEPY, memory_order_seq_cst)       # partner: sleeper_wake, likewise


cdef inline bint sleeper_rouse(Dormitory* dormitory, Sleeper* sleeper) noexcept nogil:
    """Turn a sleepy worker to awake; True for the one who did it, be it a waker or the sleeper itself."""
    cdef int seen = SLEEPY
    if not sleeper.state.compare_exchange_strong(seen, AWAKE, memory_order_acquire, memory_order_relaxed):
        return False
    dormitory.n_sleepy.fetch_sub(1, memory_order_relaxed)
    return True


cdef inline void sleeper_commit(Sleeper* sleeper) noexcept nogil:
    """Sleep until a waker turns this sleeper to awake."""
    sleeper.bed.park(-1)
    place_back(&sleeper.place)


cdef inline bint sleeper_cancel(Dormitory* dormitory, Sleeper* sleeper) noexcept nogil:
    """Stay awake after all. False when a waker was quicker: its token is here or on its way, and is taken now."""
    if sleeper_rouse(dormitory, sleeper):
        return True
    sleeper_commit(sleeper)
    return False


cdef inline bint sleeper_doze(Dormitory* dormitory, Sleeper* sleeper, int64_t timeout) noexcept nogil:
    """Sleep until a waker turns this sleeper to awake; False when it woke up by itself, because the time was over or for no reason."""
    if not sleeper.bed.park(timeout):
        return not sleeper_cancel(dormitory, sleeper)
    place_back(&sleeper.place)
    return True


cdef inline bint dormitory_is_awake(Dormitory* dormitory) noexcept nogil:
    """Whether nobody is sleepy. Call it after posting work."""
    return dormitory.n_sleepy.load(memory_order_seq_cst) == 0  # partner: sleeper_announce


cdef inline bint sleeper_wake(Dormitory* dormitory, Sleeper* sleeper, int cpu) noexcept nogil:
    """Wake this sleeper if it is sleepy, on another CPU than this one, which may be -1; True if it was this call that did."""
    if sleeper.state.load(memory_order_seq_cst) != SLEEPY or not sleeper_rouse(dormitory, sleeper):
        return False
    place_away(&sleeper.place, cpu)
    sleeper.bed.unpark()
    return True
