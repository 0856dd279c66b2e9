"""What was found out once for a process, by key: it is bounded, any thread may look it up, and a forked child begins anew.

Without the GIL a dictionary has a lock, which its methods take even to read. A child that is forked at that moment inherits it locked, for
ever. So looking up is left to subscription, which takes none, and a child gets a dictionary of its own.
"""

import os

cimport cython


@cython.final
cdef class Cache:
    """Values by key; a process has a few of these, which live as long as it does."""

    def __cinit__(self, Py_ssize_t capacity=4096):  # who needs more makes up keys as it goes
        self.capacity = capacity
        self.entries = {}
        os.register_at_fork(after_in_child=self.begin_anew)

    cdef object get(self, object key):
        """The value, or an Ellipsis."""
        try:
            return (<object> self.entries)[key]  # by way of an object: Cython's own lookup borrows, and another thread may clear
        except KeyError:
            return ...

    cdef object keep(self, object key, object value):
        """The value that is kept from now on, which is an earlier one if another thread was quicker."""
        if len(self.entries) >= self.capacity:
            self.entries.clear()
        return (<object> self.entries).setdefault(key, value)

    cdef list values(self):
        """All values at one moment."""
        return list((<object> self.entries).copy().values())

    def begin_anew(self):
        """Forget everything."""
        self.entries = {}
