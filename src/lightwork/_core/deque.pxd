"""A Chase–Lev deque of pointers: its owner pushes and pops at the bottom (LIFO), thieves steal at the top (FIFO).

After D. Chase and Y. Lev, "Dynamic circular work-stealing deque" (SPAA 2005), with the orderings of N. M. Lê and others,
"Correct and efficient work-stealing for weak memory models" (PPoPP 2013). It deviates from the latter in one point: where they put
sequentially consistent fences, the operations on `top` and `bottom` are themselves sequentially consistent. That is
enough (the store of `bottom` in pop and the loads in steal are in one total order), and ThreadSanitizer, which knows no fences, can check it.

Invariant: `top <= bottom + 1`; the deque holds `[top, bottom)`.
"""

from lightwork._core.atomics cimport (
    CACHE_LINE,
    atomic,
    delete_array,
    int64_t,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    memory_order_seq_cst,
    new_array,
)
from lightwork._core.chunk cimport EMPTY, GOT, LOST, Steal

ctypedef void* Item

# A power of two of slots. A ring that was outgrown stays readable for a slow thief until the deque goes.
cdef struct Ring:
    int64_t capacity
    atomic[Item]* slots
    Ring* outgrown

cdef struct Deque:
    atomic[int64_t] top           # thieves advance it
    char top_line[CACHE_LINE - 8]
    atomic[int64_t] bottom        # the owner moves it
    atomic[Ring*] ring            # the owner replaces it
    char bottom_line[CACHE_LINE - 16]


cdef inline Ring* ring_new(int64_t capacity, Ring* outgrown) noexcept nogil:
    cdef Ring* ring = new_array[Ring](1)
    if ring == NULL:
        return NULL
    ring.slots = new_array[atomic[Item]](capacity)
    if ring.slots == NULL:
        delete_array[Ring](ring, 1)
        return NULL
    ring.capacity = capacity
    ring.outgrown = outgrown
    return ring


cdef inline atomic[Item]* ring_slot(Ring* ring, int64_t index) noexcept nogil:
    return &ring.slots[index & (ring.capacity - 1)]


cdef inline bint deque_init(Deque* deque, int64_t capacity) noexcept nogil:
    """An empty deque of `capacity` slots, a power of two; False without memory."""
    cdef Ring* ring = ring_new(capacity, NULL)
    deque.top.store(0, memory_order_relaxed)
    deque.bottom.store(0, memory_order_relaxed)
    deque.ring.store(ring, memory_order_relaxed)
    return ring != NULL


cdef inline void deque_free(Deque* deque) noexcept nogil:
    cdef Ring* ring = deque.ring.load(memory_order_relaxed)
    cdef Ring* outgrown
    while ring != NULL:
        outgrown = ring.outgrown
        delete_array[atomic[Item]](ring.slots, ring.capacity)
        delete_array[Ring](ring, 1)
        ring = outgrown


cdef inline int64_t deque_length(Deque* deque) noexcept nogil:
    """How many items there were at a moment between call and return. The loads are sequentially consistent because a
    worker that fell asleep looks here after announcing it: they partner the announcement in sleep.pxd."""
    cdef int64_t top = deque.top.load(memory_order_seq_cst)
    cdef int64_t bottom = deque.bottom.load(memory_order_seq_cst)
    return bottom - top if bottom > top else 0


cdef inline Ring* deque_grow(Deque* deque, Ring* ring, int64_t top, int64_t bottom) noexcept nogil:
    cdef Ring* larger = ring_new(2 * ring.capacity, ring)
    cdef int64_t i
    if larger == NULL:
        return NULL
    for i in range(top, bottom):
        ring_slot(larger, i).store(ring_slot(ring, i).load(memory_order_relaxed), memory_order_relaxed)
    deque.ring.store(larger, memory_order_release)  # partner: the acquire load of `ring` in deque_steal
    return larger


cdef inline bint deque_push(Deque* deque, Item item) noexcept nogil:
    """Owner only. False when there is no memory to grow."""
    cdef int64_t bottom = deque.bottom.load(memory_order_relaxed)
    cdef int64_t top = deque.top.load(memory_order_acquire)  # partner: the thieves' compare-and-swap; a freed slot may be reused
    cdef Ring* ring = deque.ring.load(memory_order_relaxed)
    if bottom - top >= ring.capacity:
        ring = deque_grow(deque, ring, top, bottom)
        if ring == NULL:
            return False
    ring_slot(ring, bottom).store(item, memory_order_relaxed)
    # Publishes the slot and what the item points to (partner: the load of `bottom` in deque_steal); sequentially
    # consistent rather than release because the pusher looks for sleepers next (partner: the announcement in sleep.pxd).
    deque.bottom.store(bottom + 1, memory_order_seq_cst)
    return True


cdef inline Item deque_pop(Deque* deque) noexcept nogil:
    """Owner only. The item pushed last, or NULL."""
    cdef int64_t bottom = deque.bottom.load(memory_order_relaxed) - 1
    cdef Ring* ring = deque.ring.load(memory_order_relaxed)
    deque.bottom.store(bottom, memory_order_seq_cst)  # partner: the load of `bottom` in deque_steal. Store, then look:
    cdef int64_t top = deque.top.load(memory_order_seq_cst)  # one of owner and thief must see the other
    cdef Item item = NULL
    if top <= bottom:
        item = ring_slot(ring, bottom).load(memory_order_relaxed)
        if top < bottom:
            return item
        # The last one: whoever moves `top` has it (partner: the same compare-and-swap in deque_steal).
        if not deque.top.compare_exchange_strong(top, top + 1, memory_order_seq_cst, memory_order_relaxed):
            item = NULL
    deque.bottom.store(bottom + 1, memory_order_relaxed)
    return item


cdef inline Steal deque_steal(Deque* deque, Item* item) noexcept nogil:
    """Any thread. The item pushed first."""
    cdef int64_t top = deque.top.load(memory_order_seq_cst)
    cdef int64_t bottom = deque.bottom.load(memory_order_seq_cst)  # partner: the stores of `bottom` in push and pop
    if top >= bottom:
        return EMPTY
    cdef Ring* ring = deque.ring.load(memory_order_acquire)  # partner: the release store in deque_grow
    item[0] = ring_slot(ring, top).load(memory_order_relaxed)
    # Until this succeeds the item may be another's: the slot's content is only believed once `top` was still ours to move.
    if deque.top.compare_exchange_strong(top, top + 1, memory_order_seq_cst, memory_order_relaxed):
        return GOT
    return LOST
