# distutils: language = c++
"""For how long somebody looks out, wait after wait."""

from lightwork._core.patience cimport LEAST_PATIENCE_NS, MOST_PATIENCE_NS, TRY_EVERY, Patience, patience_init, patience_learn, patience_now

LEAST, MOST, EVERY = LEAST_PATIENCE_NS, MOST_PATIENCE_NS, TRY_EVERY


cdef class Waiter:
    """Somebody who waits."""

    cdef Patience patience

    def __init__(self):
        patience_init(&self.patience)

    def wait(self, comes_after):
        """Look out for something; return for how long at most, and whether it came meanwhile."""
        most = patience_now(&self.patience)
        came = comes_after <= most
        patience_learn(&self.patience, came, min(comes_after, most))
        return most, came
