"""A Python callable over the items of a queue, one after the other, with the time noted after each, for little more than the calls themselves."""

from lightwork._core.pause import pause

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.list cimport PyList_Append
from cpython.ref cimport PyObject

from lightwork._core.atomics cimport int64_t, uint32_t
from lightwork._core.place cimport drop_reference
from lightwork._core.queue cimport Queue, queue_item, queue_take
from lightwork._core.vectorcall cimport call_one, take_error

cdef extern from * nogil:
    """
    /* The clock of time.monotonic, to the bit, without the calls. */
    static inline long long lw_monotonic_ns(void) {
    #ifdef __linux__
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * 1000000000LL + now.tv_nsec;
    #elif PY_VERSION_HEX >= 0x030D0000
        PyTime_t now;
        (void)PyTime_MonotonicRaw(&now);
        return now;
    #else
        return _PyTime_GetMonotonicClock();
    #endif
    }

    /* A new reference; NULL if nothing is left, or with an error set. */
    static inline PyObject* lw_take_left(PyObject* queue) {
        PyObject* item = PyObject_CallMethod(queue, "popleft", NULL);
        if (item == NULL && PyErr_ExceptionMatches(PyExc_IndexError)) PyErr_Clear();
        return item;
    }
    """
    int64_t monotonic_ns "lw_monotonic_ns"()
    PyObject* take_left "lw_take_left"(object queue) except? NULL

cdef enum:
    PAUSE_EVERY_NS = 4_000_000  # a little less than the interpreter's own switch interval


cdef inline int64_t stamp(Py_buffer* stamps, Py_ssize_t position) noexcept:
    """Note the time after an item, and return it in nanoseconds."""
    cdef int64_t now = monotonic_ns()
    (<double*> stamps.buf)[position + 1] = <double> now / 1e9  # as Python itself makes a float of it
    return now


def run_chunk(call, queue, list values not None, stamps):
    """
    Call ``call(item)`` for each item of a queue, from the left, until one fails or nothing is left.

    Parameters
    ----------
    call : callable
        The function.
    queue : Queue
        Or whatever else has a ``popleft`` that raises IndexError at the end. Others may take items away from it at any time.
    values : list
        To which each value is appended.
    stamps : array of double
        In which the place behind an item's is set to what ``time.monotonic`` says after it, before its value is appended.

    Returns
    -------
    BaseException or None
        What an item failed with, whatever it is; its traceback begins in `call`.

    Raises
    ------
    BaseException
        What a signal handler raised between items.
    """
    cdef Py_buffer buffer
    PyObject_GetBuffer(stamps, &buffer, PyBUF_WRITABLE | PyBUF_FORMAT)
    try:
        if buffer.format[0] != b"d":
            raise TypeError("stamps must be an array of doubles")
        return run(call, queue, values, &buffer)
    finally:
        PyBuffer_Release(&buffer)


cdef object run(object call, object queue, list values, Py_buffer* stamps):
    cdef int64_t now, paused = monotonic_ns()
    cdef Py_ssize_t position = len(values), last = stamps.len // <Py_ssize_t> sizeof(double) - 1
    cdef PyObject* item
    cdef PyObject* value
    while True:
        item = next_item(queue)
        if item == NULL:
            return None
        if position >= last:
            drop_reference(item)
            raise ValueError("stamps must have a place more than there are items")
        value = call_one(<PyObject*> call, item)
        drop_reference(item)
        now = stamp(stamps, position)
        position += 1
        if value == NULL:
            return take_error()
        keep(values, value)
        if now - paused >= PAUSE_EVERY_NS:
            paused = now
            pause()


cdef inline PyObject* next_item(object queue) except? NULL:
    """A new reference to the next item, or NULL if there is none."""
    cdef uint32_t position = 0
    if type(queue) is not Queue:
        return take_left(queue)
    return queue_item(<Queue> queue, position) if queue_take(<Queue> queue, &position) else NULL


cdef inline int keep(list values, PyObject* value) except -1:
    """Append a value of which the reference is ours."""
    try:
        PyList_Append(values, <object> value)
    finally:
        drop_reference(value)
    return 0
