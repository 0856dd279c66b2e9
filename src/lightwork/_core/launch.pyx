"""How threads are started: each begins, or its starter is told why it did not.

`threading.Thread.start` waits until the new thread says that it has begun. One that finds no memory to say so leaves its starter waiting for ever
(https://github.com/python/cpython/issues/140746), or tries for ever to get out of the failure. Here it looks for memory before it runs any
Python code, and says that there is none by means that need none.
"""

import threading

cimport cython
from cpython.ref cimport PyObject, Py_XDECREF

from lightwork._core.atomics cimport atomic, memory_order_acquire, memory_order_release

cdef extern from "Python.h":  # declared as pointers, for NULL to be an answer
    PyObject* new_list "PyList_New"(Py_ssize_t n)
    PyObject* new_int "PyLong_FromLong"(long value)
    void PyErr_Clear()

cdef enum:
    NO_SMALL_INT = 1 << 20  # one that the interpreter does not keep ready


@cython.internal
@cython.final
cdef class Launch:
    """What a thread runs first, and the event that its starter waits for: in place of the thread's own `_bootstrap` and `_started`."""

    cdef object begin             # the thread's own beginning
    cdef object arrival           # a lock, held until the thread has begun or failed
    cdef object let_in            # its `release`, as to look it up takes memory
    cdef object failure           # what kept the thread from beginning, if that was more than memory
    cdef atomic[int] has_begun
    cdef bint has_failed          # to begin, and will not

    def __call__(self):
        begin, self.begin = self.begin, None
        # Without a GIL a thread has memory of its own, and keeps it as long as something is in it.
        cdef PyObject* tracked = new_list(0)
        cdef PyObject* untracked = new_int(NO_SMALL_INT)
        try:
            if tracked != NULL and untracked != NULL:
                begin()
            else:
                PyErr_Clear()
        except BaseException as error:
            if self.is_set():
                raise
            self.failure = error
        finally:
            Py_XDECREF(tracked)
            Py_XDECREF(untracked)
            if not self.is_set():
                self.has_failed = True
                self.let_in()

    def is_set(self):
        return self.has_begun.load(memory_order_acquire) != 0  # partner: set

    def set(self):
        self.has_begun.store(True, memory_order_release)  # partner: is_set
        self.let_in()

    def wait(self):
        self.arrival.acquire()
        if not self.is_set():
            failure, self.failure = self.failure, None
            raise MemoryError("no memory for another thread") if failure is None else failure

    def _at_fork_reinit(self):
        """In a forked child: who waits here waits for a thread that does not exist there, as everywhere."""


def launch(thread):
    """Start a thread. Raises RuntimeError where the system gives no more of them, and MemoryError where one has no memory to begin."""
    cdef Launch arriving = None
    if hasattr(thread, "_started"):  # else a Python that came after these, and waits in another way
        arriving = Launch.__new__(Launch)
        arriving.arrival = threading.Lock()
        arriving.arrival.acquire()
        arriving.let_in = arriving.arrival.release
        arriving.begin = thread._bootstrap
        thread._bootstrap = thread._started = arriving
    try:
        thread.start()
    except BaseException:
        if arriving is not None and arriving.has_failed:
            forget(thread)
        raise


cdef int forget(thread) except -1:
    """Have `threading` forget one that did not begin, and will not."""
    with threading._active_limbo_lock:
        threading._limbo.pop(thread, None)
    return 0
