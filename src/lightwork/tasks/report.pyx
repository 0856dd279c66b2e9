"""How far a call has come, as it says itself."""

cimport cython


@cython.final
cdef class Report:
    """How far a call has come: what :func:`report_progress` finds in the call's context, which may outlive the call; so it refers to no handle."""

    def __cinit__(self):
        self._listeners = ()

    def report(self, done, total):
        """Keep what was reported, and tell those who listen."""
        with cython.critical_section(self):
            self._latest = (done, total)
            listeners = self._listeners
        for listener in listeners:
            listener(done, total)

    def listen(self, listener):
        """Have `listener(done, total)` called at every report from now on."""
        with cython.critical_section(self):
            self._listeners = (*self._listeners, listener)

    def latest(self):
        """What was reported last; None if nothing was."""
        with cython.critical_section(self):
            latest = self._latest
        return latest
