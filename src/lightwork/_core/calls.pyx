"""A Python callable over chunks: called with the GIL, in the caller's context, its errors kept and told by chunk."""

import contextvars

from lightwork._core.inner import inner_threads
from lightwork._errors import Stopped

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF

from lightwork._core.gil cimport gil_leave, gil_take
from lightwork._core.job cimport INTERRUPTED
from lightwork._core.parallel cimport Region, region_run


@cython.internal
@cython.final
cdef class Calls:
    """The context of such a job. It may outlive an interrupted caller, with the last helper's chunk."""

    cdef object call
    cdef object context    # the caller's contextvars, of which each chunk runs in a copy of its own: what it sets no other sees
    cdef list errors       # (rank, first item, end, exception)
    cdef int n_workers

    cdef int run(self, Py_ssize_t start, Py_ssize_t stop, bint is_helper):
        try:
            if is_helper:
                inner_threads.enter_here(self, self.n_workers)  # the caller has seen to his own
            self.context.copy().run(self.call, start, stop)
        except BaseException as error:  # whatever it is, it is raised in the caller
            self.errors.append((rank(error), start, stop, error))
            return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
        finally:
            if is_helper:
                inner_threads.leave_here(self)
        return 0


cdef int rank(object error):
    """Ctrl-C comes before errors, and these before chunks that were only stopped from outside."""
    return -1 if isinstance(error, KeyboardInterrupt) else isinstance(error, Stopped)


cdef int call_chunk(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    cdef bint is_taken = gil_take()
    cdef int failed = call_with_gil(context, start, stop, worker != 0)
    gil_leave(is_taken)
    return failed


cdef int call_with_gil(void* context, Py_ssize_t start, Py_ssize_t stop, bint is_helper) noexcept with gil:
    return (<Calls> context).run(start, stop, is_helper)


cdef void drop_calls(void* context) noexcept with gil:
    Py_DECREF(<Calls> context)


def run_calls(call, Py_ssize_t n_items, Py_ssize_t grain, int n_workers):
    """
    Call ``call(start, stop)`` for each chunk of `grain` items of ``range(n_items)``, on up to `n_workers` workers.

    Returns
    -------
    tuple of (int, int, BaseException) or None
        The first error by chunk, or Ctrl-C, with the items of its chunk, after which none was started.

    Raises
    ------
    KeyboardInterrupt
        Or whatever else a signal handler raised. After that, and after a KeyboardInterrupt in a chunk, the chunks that other
        workers are in end on their own, unobserved.
    """
    cdef Calls calls = Calls.__new__(Calls)
    cdef Region region
    calls.call = call
    calls.context = contextvars.copy_context()
    calls.errors = []
    calls.n_workers = n_workers
    region.body = call_chunk
    region.context = <void*> calls
    region.drop = drop_calls
    region.n_items = n_items
    region.grain = grain
    region.n_workers = n_workers
    region.watches_flags = False
    region.is_orphaned = False
    Py_INCREF(calls)
    try:
        region_run(&region)
    finally:
        if not region.is_orphaned:
            Py_DECREF(calls)
    errors, calls.errors = calls.errors, []  # their tracebacks lead back here
    return min(errors, key=lambda entry: entry[:2])[1:] if errors else None
