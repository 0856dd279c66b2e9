"""The latch of a job: who may join it, how many have, and the owner who waits for the last of them to leave.

One word holds all of it, so that every question has one answer:

    bits 0..31   how many helpers are in
    OPEN         helpers may come in; what the owner wrote before opening is theirs to read
    WAITING      the owner sleeps, the last to leave wakes it
    ORPHANED     the owner went away, the last to leave cleans up

A helper comes in by adding one and looking at what was there: if the latch was not open it goes out again, at once, and by the
same door. Latches are never freed while a thread may look at them, so coming in needs no other protection.
"""

from lightwork._core.atomics cimport (
    atomic,
    int64_t,
    memory_order_acq_rel,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    uint32_t,
    uint64_t,
)
from lightwork._core.parker cimport Parker

cdef extern from * nogil:
    """
    static constexpr uint64_t LW_OPEN = 1ull << 32, LW_WAITING = 1ull << 33, LW_ORPHANED = 1ull << 34;
    """
    const uint64_t LATCH_OPEN "LW_OPEN"
    const uint64_t LATCH_WAITING "LW_WAITING"
    const uint64_t LATCH_ORPHANED "LW_ORPHANED"

cdef struct Latch:
    atomic[uint64_t] word
    Parker owner


cdef inline uint32_t latch_helpers(uint64_t word) noexcept nogil:
    return <uint32_t> word


cdef inline void latch_open(Latch* latch) noexcept nogil:
    latch.word.fetch_or(LATCH_OPEN, memory_order_release)  # partner: latch_join; publishes the job's fields


cdef inline bint latch_is_open(Latch* latch) noexcept nogil:
    """Only a hint: it may have changed by the time it is read."""
    return (latch.word.load(memory_order_relaxed) & LATCH_OPEN) != 0


cdef inline void latch_close(Latch* latch) noexcept nogil:
    """Nobody joins from here on; those inside stay."""
    latch.word.fetch_and(~LATCH_OPEN, memory_order_relaxed)  # latch_is_quiet is what the owner relies on


cdef inline bint latch_claim_cleanup(Latch* latch) noexcept nogil:
    """Of all who find an orphaned latch quiet, exactly one is told to clean up, and none who comes late, in the job's next life."""
    cdef uint64_t seen = latch.word.load(memory_order_relaxed)
    while seen & LATCH_ORPHANED and latch_helpers(seen) == 0:
        if latch.word.compare_exchange_weak(seen, seen & ~LATCH_ORPHANED, memory_order_acq_rel, memory_order_relaxed):
            return True
    return False


cdef inline bint latch_leave(Latch* latch) noexcept nogil:
    """Go out. True when the leaver is the last of an orphaned job and has to clean up."""
    # Release: what the helper wrote is the owner's to read (partner: latch_is_quiet, latch_wait). Acquire: or the
    # cleaner's, who is the last to leave (partner: this same operation of those who left before).
    cdef uint64_t left = latch.word.fetch_sub(1, memory_order_acq_rel) - 1
    if latch_helpers(left) > 0:
        return False
    if left & LATCH_WAITING:
        latch.owner.unpark()
    return (left & LATCH_ORPHANED) != 0 and latch_claim_cleanup(latch)


cdef inline bint latch_join(Latch* latch, bint* must_clean) noexcept nogil:
    """Come in; False when the latch is not open. `must_clean` is what latch_leave answered to one who had to turn back."""
    if latch.word.fetch_add(1, memory_order_acquire) & LATCH_OPEN:  # partner: latch_open
        return True
    must_clean[0] = latch_leave(latch)
    return False


cdef inline bint latch_is_quiet(Latch* latch) noexcept nogil:
    return latch_helpers(latch.word.load(memory_order_acquire)) == 0  # partner: latch_leave


cdef inline void latch_wait(Latch* latch, int64_t timeout) noexcept nogil:
    """Owner only: sleep until the last helper left, or `timeout` nanoseconds, or for no reason; look again afterwards."""
    cdef uint64_t seen = latch.word.fetch_or(LATCH_WAITING, memory_order_acquire)  # partner: latch_leave, which sees
    if latch_helpers(seen) > 0:                                                    # the bit if it comes later than this
        latch.owner.park(timeout)
    latch.word.fetch_and(~LATCH_WAITING, memory_order_relaxed)


cdef inline bint latch_orphan(Latch* latch) noexcept nogil:
    """Owner only, of a closed latch: leave the clean-up to the last helper. False when there was none: the owner's again."""
    cdef uint64_t seen = latch.word.fetch_or(LATCH_ORPHANED, memory_order_acq_rel)  # partner: latch_leave
    if latch_helpers(seen) > 0:
        return True
    return not latch_claim_cleanup(latch)
