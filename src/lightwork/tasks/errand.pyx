"""A call on its way to the threads that items share, and how many there are.

They are counted where no signal handler can come in between: one that is counted out twice or never would change for good how many threads
there may be.
"""

from lightwork._core.items import shared_core

cimport cython

from lightwork._core.atomics cimport int64_t, memory_order_relaxed
from lightwork._core.pool cimport Core
from lightwork._core.pool_state cimport forks, pool_call_in, pool_call_out, pool_count_calls


def count_errands():
    """How many errands have not ended."""
    cdef Core core = shared_core()
    return pool_count_calls(core.alive())


@cython.final
cdef class Errand:
    """
    A handle on its way to a worker, which counts until the worker is done with it.

    Parameters
    ----------
    handle : Handle
        What the worker calls.
    most : int
        How many errands may be run at a time; more are held back until others have ended.

    Attributes
    ----------
    n_released : int
        How many of those that were there before are held back no more, since there may be so many.
    """

    def __init__(self, handle, int64_t most):
        cdef Core core = shared_core()
        self.handle = handle
        self.forks_seen = forks().load(memory_order_relaxed)
        if not self.is_counted.exchange(True, memory_order_relaxed):
            self.n_released = pool_call_in(core.alive(), most)

    def __dealloc__(self):
        self.end()

    def __call__(self, failure=None):
        """Make the call, unless whoever waits for it has made it himself."""
        try:
            self.handle(failure)
        finally:
            self.end()

    cdef void end(self) noexcept:
        """Count no more."""
        cdef Core core
        if self.is_counted.exchange(False, memory_order_relaxed) and self.forks_seen == forks().load(memory_order_relaxed):
            core = shared_core()
            pool_call_out(core.alive())
