"""The condition of a handle that somebody waits for."""

import threading
from _thread import RLock

cimport cython


@cython.final
cdef class Condition:
    """A condition that costs little as long as nobody waits for it: until then it is no more than its lock."""

    def __cinit__(self):
        self.lock = RLock()

    def acquire(self, blocking=True, timeout=-1):
        """Take the lock, which may be taken again by who has it."""
        return self.lock.acquire(blocking, timeout)

    def release(self):
        """Give it back."""
        self.lock.release()

    def __enter__(self):
        return self.lock.acquire()

    def __exit__(self, *raised):
        self.lock.release()

    cdef object full(self):
        if self.waited_for is None:  # under the lock
            self.waited_for = threading.Condition(self.lock)
        return self.waited_for

    def wait(self, timeout=None):
        """As of ``threading.Condition``."""
        return self.full().wait(timeout)

    def wait_for(self, predicate, timeout=None):
        """As of ``threading.Condition``."""
        return self.full().wait_for(predicate, timeout)

    def notify(self, n=1):
        """As of ``threading.Condition``."""
        if self.waited_for is not None:
            self.waited_for.notify(n)

    def notify_all(self):
        """As of ``threading.Condition``."""
        if self.waited_for is not None:
            self.waited_for.notify_all()


@cython.final
cdef class Settled:
    """The condition of what is done: it changes no more, so there is nothing to lock, and nothing to wait for."""

    def acquire(self, blocking=True, timeout=-1):
        """Say that nobody is in the way."""
        return True

    def release(self):
        """Do nothing."""

    def __enter__(self):
        return True

    def __exit__(self, *raised):
        pass

    def wait(self, timeout=None):
        """Return at once, as a wait may at any time."""
        return True

    def wait_for(self, predicate, timeout=None):
        """Return what the predicate says, which it will say for ever."""
        return predicate()

    def notify(self, n=1):
        """Do nothing."""

    def notify_all(self):
        """Do nothing."""


settled = Settled.__new__(Settled)
