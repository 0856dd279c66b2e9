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


cdef struct Failure:
    int64_t failing      # from this item on chunks fail,
    int code             # the first one with this code, a later one with 1000,
    int n_together       # and none before so many have begun
    atomic[int] n_chunks
    Py_ssize_t* bounds   # of the first two, by worker


cdef int fail(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    cdef Failure* failure = <Failure*> context
    if worker < 2:
        failure.bounds[2 * worker], failure.bounds[2 * worker + 1] = start, stop
    failure.n_chunks.fetch_add(1)
    while failure.n_chunks.load() < failure.n_together:
        pass
    if start < failure.failing:
        return 0
    return failure.code if start == failure.failing else 1000


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


def failure(Py_ssize_t n, Py_ssize_t grain=1, int64_t failing=0, int code=7, int n_workers=1):
    """
    What comes of chunks that fail from an item on, the first of them with `code`, each when as many as there are workers have begun.

    Returns the answer, the number of chunks begun, and the bounds of the last chunk of each of the first two workers.
    """
    cdef Py_ssize_t[::1] bounds = np.zeros(4, np.intp)
    cdef Failure failure
    failure.failing, failure.code, failure.n_together, failure.bounds = failing, code, n_workers, &bounds[0]
    failure.n_chunks.store(0)
    answer = parallel_for(fail, &failure, n, grain, n_workers)
    return answer, failure.n_chunks.load(), np.asarray(bounds).reshape(2, 2).tolist()[:n_workers]
