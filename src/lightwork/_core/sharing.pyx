"""Whether a call is worth sharing, and in what pieces: two questions of the measured cost of an item."""

from lightwork._core.atomics cimport atomic, int64_t, memory_order_relaxed, now_ns
from lightwork._core.loop cimport Loop, loop_is_known, loop_ns_per_item
from lightwork._core.modules cimport imported
from lightwork._core.lifetime cimport home_pool
from lightwork._core.parallel cimport count_chunks
from lightwork._core.pool_state cimport pool_is_warm
from lightwork._core.worker cimport SPIN_NS

cdef enum:
    # Measured on two cores: sharing a warm pool's work costs 1 us. Waking a helper that sleeps costs up to 17 us (on a virtual
    # machine, whose idle CPUs are far away), and it comes after 50.
    WARM_NS = 7_000           # what a call must cost to be shared while a helper is awake,
    COLD_NS = 100_000         # and to wake one for this call alone
    CHUNK_NS = 10_000         # what a chunk should cost: a thousand times its overhead, a fraction of what can be lost at the end
    FIRST_GRAIN = 256         # of a loop that was never timed: it may be one that takes a millisecond an item
    MAX_GRAIN = 65536
    FEWEST_CHUNKS = 4         # for each worker, so that one who is late leaves something to steal

cdef atomic[int64_t] last_left_alone  # when a call was last found too small to wake somebody for


cdef bint is_worth_sharing(Loop loop, Py_ssize_t n_items, int n_workers):
    """Whether several workers would be sooner done than the caller alone: a question of the measured cost of an item."""
    cdef double serial_ns = n_items * loop_ns_per_item(loop)
    cdef int64_t now, last
    if n_workers < 2 or serial_ns < WARM_NS:
        return False
    if serial_ns >= COLD_NS or pool_is_warm(home_pool()):
        return True
    # Calls in a row, with less between them than a helper spins: woken for this one it will be there for the next.
    now = now_ns()
    last = last_left_alone.load(memory_order_relaxed)
    last_left_alone.store(now, memory_order_relaxed)
    return now - last < <int64_t> serial_ns + SPIN_NS


cdef inline Py_ssize_t longest_share(Py_ssize_t n_items, int n_workers, Py_ssize_t grain):
    return count_chunks(count_chunks(n_items, grain), n_workers) * grain


cdef Py_ssize_t choose_grain(Loop loop, Py_ssize_t n_items, int n_workers, Py_ssize_t multiple):
    cdef Py_ssize_t by_cost = <Py_ssize_t> (CHUNK_NS / loop_ns_per_item(loop))
    cdef Py_ssize_t grain = min(by_cost, MAX_GRAIN)
    cdef Py_ssize_t each
    if not loop_is_known(loop):
        grain = FIRST_GRAIN
    # As many chunks for each worker as for another, as far as they can be cut so: all would wait for the one who had more to do.
    each = max(FEWEST_CHUNKS, count_chunks(n_items, n_workers * max(grain, multiple)))
    grain = max(1, n_items // (n_workers * each * multiple)) * multiple
    return grain if longest_share(n_items, n_workers, grain) < longest_share(n_items, n_workers, grain + multiple) else grain + multiple


cdef bint heeds_this_thread(Loop loop):
    """Whether the loop may do something else on another thread: SciPy keeps ``special.errstate`` for each."""
    if not loop.may_raise:
        return False
    special = imported("scipy.special")
    if special is None:
        return False
    return any([action != "ignore" for error, action in special.geterr().items() if error != "memory"])  # that raises everywhere


def thresholds():
    """
    The constants of the decision, for ``python -m lightwork doctor``.

    Returns
    -------
    dict of str to int
        What a call must cost alone, in nanoseconds, to be shared while a helper is awake (``"warm_ns"``) and to wake
        one (``"cold_ns"``), and what a chunk should cost (``"chunk_ns"``).
    """
    return {"warm_ns": WARM_NS, "cold_ns": COLD_NS, "chunk_ns": CHUNK_NS}
