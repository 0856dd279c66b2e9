"""Where an item's result is put, once, by whoever runs the item, and taken, once, by the caller, who need not have waited for it."""

from cpython.ref cimport PyObject

from lightwork._core.atomics cimport (
    atomic,
    memory_order_acq_rel,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
)
from lightwork._core.gil cimport has_gil

cdef extern from * nogil:
    """
    /* What stands in the place of a result that comes too late. Its address is all that counts. */
    inline char lw_closed;
    """
    char closed "lw_closed"
    void drop_reference "Py_DECREF"(PyObject* thing)

ctypedef atomic[void*] Place  # a result, owned; NULL before there is one, &closed when none is wanted any more


cdef inline bint place_fill(Place* place, void* value) noexcept:
    cdef void* empty = NULL
    if not has_gil:
        return place.compare_exchange_strong(empty, value, memory_order_release, memory_order_relaxed)  # partner: place_take
    if place.load(memory_order_relaxed) != NULL:  # the GIL keeps `place_take` from coming in between; without a swap it is 5 ns less an item
        return False
    place.store(value, memory_order_relaxed)
    return True


cdef inline void place_put(Place* place, PyObject* value) noexcept:
    if not place_fill(place, value):
        drop_reference(value)


cdef inline void* place_take(Place* place) noexcept:
    """The result that is there, or NULL; then none will be put there any more."""
    cdef void* value = place.load(memory_order_acquire)  # partner: place_fill
    if value == NULL:
        value = place.exchange(&closed, memory_order_acq_rel)  # partner: place_fill, which comes before this or finds it closed
    return value


cdef inline void place_drop(Place* place) noexcept:
    cdef void* value = place.load(memory_order_relaxed)  # by whoever drops the last reference to all of them
    if value != NULL and value != &closed:
        drop_reference(<PyObject*> value)
