"""Items in a row: whoever runs them takes one at a time from the front, and anybody may take away all that are left, at once."""

from cpython.ref cimport PyObject

from lightwork._core.atomics cimport atomic, uint32_t
from lightwork._core.chunk cimport packed_run, run_take, run_take_guarded
from lightwork._core.gil cimport has_gil
from lightwork._core.source cimport Source, source_item


cdef class Queue:
    cdef object items
    cdef Source source
    # The positions that nobody has taken. The word guards nothing but itself, for the items never change, so relaxed order is enough.
    cdef atomic[packed_run] left


cdef inline bint queue_take(Queue queue, uint32_t* position) noexcept:
    """With the GIL, if there is one."""
    return run_take_guarded(&queue.left, position) if has_gil else run_take(&queue.left, position)


cdef inline PyObject* queue_item(Queue queue, uint32_t position) noexcept:
    """A new reference, or NULL with the error set, as :func:`source_item`."""
    return source_item(&queue.source, position)
