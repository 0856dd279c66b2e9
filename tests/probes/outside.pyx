# distutils: language = c++
"""Somebody else's extension: its own body without the GIL, on our workers."""

from libc.stdint cimport int64_t
from libcpp.atomic cimport atomic

from lightwork cimport parallel_for

import numpy as np

cdef struct Table:
    int64_t* squares
    int* workers
    atomic[int] n_chunks


cdef int fill_squares(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    cdef Table* table = <Table*> context
    cdef Py_ssize_t i
    for i in range(start, stop):
        table.squares[i] = i * i
        table.workers[i] = worker
    table.n_chunks.fetch_add(1)
    return 0


cdef int fail_together(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """Fail with one more than the item's index, but not before the other of two items has been started."""
    cdef atomic[int]* n_started = <atomic[int]*> context
    n_started.fetch_add(1)
    while n_started.load() < 2:
        pass
    return <int> start + 1


cdef int fail_from(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """Count the chunk, and fail once the item at `context` is reached."""
    cdef Table* table = <Table*> context
    table.n_chunks.fetch_add(1)
    return 7 if start >= table.squares[0] else 0


def squares(Py_ssize_t n, Py_ssize_t grain=0, int n_workers=0):
    """The first `n` squares, who computed each, and in how many chunks."""
    cdef int64_t[::1] values = np.full(n, -1, np.int64)
    cdef int[::1] workers = np.full(n, -1, np.intc)
    cdef Table table
    table.squares = &values[0] if n else NULL
    table.workers = &workers[0] if n else NULL
    table.n_chunks.store(0)
    code = parallel_for(fill_squares, &table, n, grain, n_workers)
    return np.asarray(values), np.asarray(workers), table.n_chunks.load(), code


def first_failure():
    """What parallel_for answers when two chunks on two workers fail, none before the other has begun."""
    cdef atomic[int] n_started
    n_started.store(0)
    return parallel_for(fail_together, &n_started, 2, 1, 2)


def chunks_until_failure(Py_ssize_t n, int64_t failing):
    """The answer and the number of chunks begun by one worker when the chunks from item `failing` on fail."""
    cdef Table table
    table.squares = &failing
    table.n_chunks.store(0)
    code = parallel_for(fail_from, &table, n, 1, 1)
    return code, table.n_chunks.load()
