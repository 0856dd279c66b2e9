"""The tasks of a pool that nobody has begun."""

from functools import partial

from cpython.ref cimport Py_DECREF, Py_INCREF

from lightwork._core.atomics cimport memory_order_seq_cst
from lightwork._core.deque cimport Item, deque_pop, deque_push
from lightwork._core.pool_state cimport PoolState, Worker, pool_let_out, pool_may_begin, pool_take_back, pool_wake
from lightwork._core.worker cimport call_task


cdef bint pool_is_manned(PoolState* pool) noexcept nogil:
    """Whether there is a thread that comes for a task some time. Call it after posting one.

    Threads may all have ended since, or wait for each other and for this very task (partners: pool_retire, which counts its own out and then
    looks for tasks; step_aside likewise; who takes a turn in items counts itself in and then looks for tasks)."""
    cdef int n_away = pool.n_aside.load(memory_order_seq_cst) + pool.n_in_items.load(memory_order_seq_cst)
    return pool.n_threads.load(memory_order_seq_cst) > n_away


cdef list take_back(PoolState* pool):
    """The tasks that nobody has begun."""
    cdef Item item = pool_take_back(pool)
    tasks = []
    while item != NULL:
        task = <object> item
        Py_DECREF(task)
        tasks.append(task)
        item = pool_take_back(pool)
    return tasks


cdef object take_latest(Worker* worker):
    """By the worker, in a task: take back what it spawned last, if nobody has begun that; else None. It goes to one of the next two."""
    cdef Item item = deque_pop(&worker.deque)
    if item == NULL:
        return None
    task = <object> item
    Py_DECREF(task)
    return task


cdef int put_latest(Worker* worker, object task) except -1:
    """Leave it where it was."""
    cdef PoolState* pool = worker.pool
    Py_INCREF(task)
    deque_push(&worker.deque, <void*> task)  # which has room for it, for it was taken from there
    if pool_may_begin(pool):
        pool_wake(pool, 1, False)  # who looked for tasks meanwhile has not seen this one, and may have gone to sleep
    return 0


cdef int drop_latest(Worker* worker, object task) except -1:
    """Call it here and now, which is to say no more than that it is done."""
    call_task(task)
    pool_let_out(worker.pool)
    return 0


cdef int fail_tasks(PoolState* pool, object failure) except -1:
    """Tell the tasks that nobody has begun what keeps them from being run: each by an exception of its own, which collects its own traceback."""
    for task in take_back(pool):
        call_task(partial(task, type(failure)(*failure.args)))
    return 0
