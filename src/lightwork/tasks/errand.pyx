"""A call on its way to the threads that items share, and how many there are.

They are counted where no signal handler can come in between: one that is counted out twice or never would change for good how many threads
there may be.
"""

import os

cimport cython

from lightwork._core.atomics cimport atomic, int64_t, memory_order_relaxed
from lightwork._core.pool_state cimport forks

cdef atomic[int64_t] n_errands


def count_errands():
    """How many errands have not ended."""
    return n_errands.load(memory_order_relaxed)


def forget_errands():
    """In a forked child: the parent's are no concern of its threads."""
    n_errands.store(0, memory_order_relaxed)


os.register_at_fork(after_in_child=forget_errands)


@cython.final
cdef class Errand:
    """
    A handle on its way to a worker, which counts until the worker is done with it.

    Parameters
    ----------
    handle : Handle
        What the worker calls.
    """

    def __init__(self, handle):
        self.handle = handle
        self.forks_seen = forks().load(memory_order_relaxed)
        if not self.is_counted.exchange(True, memory_order_relaxed):
            n_errands.fetch_add(1, memory_order_relaxed)

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
        if self.is_counted.exchange(False, memory_order_relaxed) and self.forks_seen == forks().load(memory_order_relaxed):
            n_errands.fetch_sub(1, memory_order_relaxed)
