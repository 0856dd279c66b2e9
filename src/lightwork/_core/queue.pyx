"""Where :class:`Queue` is made, and as Python sees it."""

cimport cython
from cpython.ref cimport PyObject

from lightwork._core.atomics cimport memory_order_relaxed, uint32_t
from lightwork._core.chunk cimport packed_run, run_length, run_pack, run_start, run_stop
from lightwork._core.source cimport source_close, source_open

cdef extern from *:
    """
    /* Takes over a reference; NULL is an error that is set. */
    #define lw_given(thing) (thing)
    """
    object given "lw_given"(PyObject* thing)


@cython.final
cdef class Queue:
    """
    Items in a row, from which whoever runs them takes one at a time, and from which anybody may take away all that are left.

    Parameters
    ----------
    items : sequence
        Fewer than 2**32, which do not change.

    Notes
    -----
    Thread-safe, without a lock: each item is taken once.
    """

    def __cinit__(self, items not None):
        if len(items) >= 2**32:
            raise OverflowError("a queue has fewer than 2**32 items")
        self.items = items
        source_open(&self.source, items)
        self.left.store(run_pack(0, <uint32_t> len(items)), memory_order_relaxed)

    def __dealloc__(self):
        source_close(&self.source)

    def __len__(self):
        """How many are left."""
        return run_length(self.left.load(memory_order_relaxed))

    def popleft(self):
        """Take the first that is left; IndexError if none is."""
        cdef uint32_t position = 0
        if not queue_take(self, &position):
            raise IndexError("nothing is left")
        return given(queue_item(self, position))

    def take_all(self):
        """Take all that are left, and return the position of the first of them and that behind the last."""
        cdef packed_run taken = self.left.load(memory_order_relaxed)
        while not self.left.compare_exchange_weak(taken, run_pack(run_stop(taken), run_stop(taken)), memory_order_relaxed, memory_order_relaxed):
            pass
        return run_start(taken), run_stop(taken)
