"""What is known of one item of a run.

A stream makes one of these for each item, while others wait for the interpreter: so they are compiled, and made a row at a time.
"""

from types import GenericAlias

cimport cython


@cython.final
@cython.trashcan(True)  # or a long chain of results that hold each other ends in a stack overflow
cdef class ItemResult:
    """ItemResult(index, key=None, value=None, error=None, attempts=1, duration=None, queued=None)
--

    What came of one item.

    Unpacks into two: ``for index, outcome in results``. Nothing changes it, so threads may share it.

    Attributes
    ----------
    index : int
        Position of the item in the input.
    key : object
        What ``item_key`` calls the item; None if there is no such function.
    value : object
        What the function returned; None if it failed. :meth:`unwrap` tells the two apart.
    error : BaseException or None
        What it raised the last time, or why it was not called.
    attempts : int
        How often it was called; 0 for an item whose turn did not come.
    duration, queued : float or None
        Seconds that it took and waited, see :class:`Measured`; None where that was not measured.
    """

    cdef readonly object index
    cdef readonly object key
    cdef readonly object value
    cdef readonly object error
    cdef readonly object attempts
    cdef readonly object duration
    cdef readonly object queued

    __class_getitem__ = classmethod(GenericAlias)

    def __cinit__(self, index, key=None, value=None, error=None, attempts=1, duration=None, queued=None):
        self.index = index
        self.key = key
        self.value = value
        self.error = error
        self.attempts = attempts
        self.duration = duration
        self.queued = queued

    @property
    def ok(self):
        """Whether the function returned."""
        return self.error is None

    @property
    def outcome(self):
        """The value, or the exception in its place."""
        return self.value if self.error is None else self.error

    def unwrap(self):
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value

    def __iter__(self):
        yield self.index
        yield self.outcome

    def __reduce__(self):
        return type(self), (self.index, self.key, self.value, self.error, self.attempts, self.duration, self.queued)

    def __repr__(self):
        name = "value" if self.error is None else "error"
        shown = [f"{self.index}"] if self.key is None else [f"{self.index}", f"key={self.key!r}"]
        return f"{type(self).__name__}({', '.join(shown)}, {name}={self.outcome!r}, attempts={self.attempts})"


@cython.boundscheck(True)
def row_of_results(Py_ssize_t start, values, keys, attempts, stamps, first, double admitted):
    """
    Make the results of items in a row that did not fail.

    Parameters
    ----------
    start : int
        Index of the first item.
    values : list
        What they returned.
    keys : mapping or None
        What items are called, by their indices.
    attempts : int
        How many were made for each.
    stamps : sequence of float
        When each last attempt began, and when the last of them ended.
    first : float or None
        When the first attempt began, if that was not the last.
    admitted : float
        When the items came in.

    Returns
    -------
    list of ItemResult
        In the order of their items.
    """
    cdef Py_ssize_t i = 0
    cdef double began, ended = stamps[0]
    cdef list row = []
    for value in values:  # not by index: its maker may be another thread, and iterators see whole lists only
        began, ended = ended, stamps[i + 1]
        if first is not None:
            began = first
        key = keys[start + i] if keys else None
        row.append(ItemResult.__new__(ItemResult, start + i, key, value, None, attempts, ended - began, began - admitted))
        i += 1
    return row
