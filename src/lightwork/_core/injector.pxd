"""The queue by which work comes in from outside the pool: first in, first out, guarded by a lock.

The lock is held for a few instructions that need neither the GIL nor Python, so holding it with or without the GIL cannot deadlock: no bytecode,
no signal handler and no finalizer runs between lock and unlock. A fork may find it locked; the child never looks at a parent's queue.
"""

from libc.stdlib cimport free, malloc
from libcpp.mutex cimport mutex

from lightwork._core.atomics cimport atomic, int64_t, memory_order_relaxed, memory_order_seq_cst
from lightwork._core.deque cimport Item

cdef struct Link:
    Item item
    Link* next

cdef struct Injector:
    mutex lock               # guards the chain
    Link* first
    Link* last
    atomic[int64_t] length   # of the chain; may be read without the lock


cdef inline int64_t injector_length(Injector* injector) noexcept nogil:
    # Partner: injector_push, by way of sleep.pxd, and of is_closing where a worker looks for the last time.
    return injector.length.load(memory_order_seq_cst)


cdef inline bint injector_push(Injector* injector, Item item) noexcept nogil:
    """Append an item; False without memory."""
    cdef Link* link = <Link*> malloc(sizeof(Link))
    if link == NULL:
        return False
    link.item = item
    link.next = NULL
    injector.lock.lock()
    if injector.last == NULL:
        injector.first = link
    else:
        injector.last.next = link
    injector.last = link
    injector.lock.unlock()
    # Sequentially consistent: whoever pushed looks for sleepers next (partner: the announcement in sleep.pxd).
    injector.length.fetch_add(1, memory_order_seq_cst)
    return True


cdef inline Item injector_take(Injector* injector) noexcept nogil:
    """Remove and return the oldest item, or NULL."""
    if injector_length(injector) <= 0:
        return NULL
    injector.lock.lock()
    cdef Link* link = injector.first
    if link != NULL:
        injector.first = link.next
        if link.next == NULL:
            injector.last = NULL
    injector.lock.unlock()
    if link == NULL:
        return NULL
    # May run ahead of the push's own count and pass through -1 for a moment, which reads as empty.
    injector.length.fetch_sub(1, memory_order_relaxed)
    cdef Item item = link.item
    free(link)
    return item
