"""A Python callable over the items of a sequence: called with the GIL, each on its own, with no lock and no allocation of ours between them.

A worker holds the GIL for a whole stay in a seat, as long as the items do, and takes one item at a time from its run, so that no item ever waits for
another in the same pair of hands. Whether a second thread is of any use only shows when it gets the GIL: because an item waits for something,
because the interpreter switches, or because there is no GIL. So one helper is woken at first, and each that had its turn wakes two more.
"""

import contextvars

from lightwork._core.inner import inner_threads
from lightwork._core.pause import pause

cimport cython
from cpython.contextvars cimport PyContext_Copy, PyContext_Enter, PyContext_Exit
from cpython.list cimport PyList_New
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject

from lightwork._core.atomics cimport (
    atomic,
    coarse_now_ns,
    delete_array,
    int64_t,
    memory_order_relaxed,
    memory_order_seq_cst,
    new_array,
    now_ns,
    sleep_ns,
    uint32_t,
    uint64_t,
)
from lightwork._core.gil cimport gil_leave, gil_take, has_gil
from lightwork._core.growth cimport call_for_more, count_workers
from lightwork._core.job cimport (
    INTERRUPTED,
    Job,
    job_chunk_start,
    job_chunk_stop,
    job_count_done,
    job_fail,
    job_has_chunks,
    job_n_done,
    job_was_forked,
)
from lightwork._core.parallel cimport Region, region_run_turns
from lightwork._core.place cimport Place, drop_reference, place_drop, place_put, place_take
from lightwork._core.pool cimport Core
from lightwork._core.pool_state cimport MAX_WORKERS, PoolState, Worker, current_worker, pool_count_items, pool_has_task_to_begin
from lightwork._core.source cimport Source, source_close, source_item, source_open
from lightwork._core.vectorcall cimport call_one, call_star, take_error
from lightwork._core.worker cimport Turn, current_job, turn_next

cdef extern from "Python.h":
    void put_in_list "PyList_SET_ITEM"(object items, Py_ssize_t index, PyObject* thing)

cdef enum:
    PAUSE_EVERY_NS = 4_000_000  # about a tick of the coarse clock, and a little less than the interpreter's own switch interval
    LOOK_EVERY = 8              # items, at the clock: a look takes 5 ns
    FIRST_NAP_NS = 50_000       # about what waking up took,
    LONGEST_NAP_NS = 4_000_000  # and a little less than the interpreter's switch interval
    CHEAP_NS = 5_000            # an item for which no second thread should want the GIL: to hand it over takes longer
    STOPPED = 1                 # the code of a job that was told to begin no more items

# The threads for items, which wait: more than the default pool has, and apart from it.
cdef Core shared = Core(MAX_WORKERS)


@cython.final
cdef class StopFlag:
    """Tells a running :func:`map_items` to begin no more items. Thread-safe; may be set in signal handlers and finalizers."""

    cdef atomic[int] is_up

    def set(self):
        """Raise it, for good."""
        self.is_up.store(True, memory_order_relaxed)  # a hint to begin nothing more; what follows is ordered by the latch

    def is_set(self):
        """Whether it was raised."""
        return self.is_up.load(memory_order_relaxed) != 0


@cython.final
cdef class Outcome:
    """
    How a :func:`map_items` ended.

    Attributes
    ----------
    values : list
        The results in the order of the items, and `missing` where there is none.
    failures : dict of int to BaseException
        What items raised, by index and in that order; SystemExit too. An item that is neither here nor has a value was not finished.
    n_finished : int
        How many items returned or raised.
    interrupt : BaseException or None
        What ended the run before its time, to be raised by the caller: a KeyboardInterrupt of an item, what a signal handler raised, ``Stopped``
        where a parallel call around this one was stopped. None if all items were run, or a flag stopped them.
    """

    cdef readonly list values
    cdef readonly dict failures
    cdef readonly Py_ssize_t n_finished
    cdef readonly object interrupt

    def __init__(self):
        raise TypeError("an Outcome is made by map_items() only")


@cython.internal
@cython.final
cdef class Items:
    """The context of such a job. It may outlive its caller, with helpers that wait for a turn, or with the items that an interrupt left behind."""

    cdef object fn
    cdef object items
    cdef Core core             # whose threads help
    cdef object context        # the caller's contextvars, of which each turn has a copy of its own
    cdef StopFlag stop
    cdef bint is_star
    cdef int n_inside          # 0, or the workers of a call in an item or in a task of the pool
    cdef Py_ssize_t n_items
    cdef int n_workers
    cdef Source source
    cdef Place* places
    cdef bint is_harvested
    cdef dict failures         # by index
    cdef list interrupts       # of the run: Ctrl-C in an item, or what keeps a turn from being taken

    def __dealloc__(self):
        cdef Py_ssize_t index
        if self.places != NULL and not self.is_harvested:
            for index in range(self.n_items):
                place_drop(&self.places[index])
        delete_array[Place](self.places, self.n_items)
        source_close(&self.source)

    cdef void take_turn(self, Turn* turn) noexcept:
        """The GIL is there at last."""
        cdef uint32_t chunk = 0
        cdef bint is_helper = turn.seat != 0
        # Counted before the look for others' wishes, as these are posted before the look at the count: one of the two sees the other.
        turn.pool.n_in_items.fetch_add(is_helper, memory_order_seq_cst)  # partner: growth.pyx
        try:
            if turn_next(turn, &chunk):  # else it is too late, and the function and the context may be gone
                self.run_in_context(turn, chunk)
        except BaseException as error:
            self.interrupt(turn, chunk, error)
        turn.pool.n_in_items.fetch_sub(is_helper, memory_order_relaxed)

    cdef int run_in_context(self, Turn* turn, uint32_t chunk) except -1:
        context = PyContext_Copy(self.context)
        PyContext_Enter(context)
        try:
            self.look_for_more(turn.pool, 2 if turn.seat != 0 else 0)
            self.run_beside_others(turn, chunk)
        finally:
            PyContext_Exit(context)
        return 0

    cdef int run_beside_others(self, Turn* turn, uint32_t chunk) except -1:
        """Keep what libraries have for each thread down, too; the caller has seen to his own and to all else."""
        if turn.seat == 0:
            self.run(turn, chunk)
            return 0
        inner_threads.enter_here(self, turn.job.n_seats)
        try:
            self.run(turn, chunk)
        finally:
            inner_threads.leave_here(self)
        return 0

    cdef void interrupt(self, Turn* turn, uint32_t chunk, object error) noexcept:
        self.interrupts.append(error)
        job_fail(turn.job, chunk, INTERRUPTED)

    cdef int look_for_more(self, PoolState* pool, int n_sleepers) except -1:
        return call_for_more(pool, n_sleepers, self.n_inside, self.core.outfit)

    cdef void run(self, Turn* turn, uint32_t chunk) noexcept:
        """Run this chunk's item and others until there are none, or the run is stopped."""
        cdef Py_ssize_t index
        cdef int64_t now, looked = coarse_now_ns()
        cdef int64_t paused = looked
        cdef int n_until_look = 1
        cdef bint is_on = True
        while is_on:
            if self.stop is not None and self.stop.is_up.load(memory_order_relaxed):
                job_fail(turn.job, chunk, STOPPED)
                return
            for index in range(job_chunk_start(turn.job, chunk), job_chunk_stop(turn.job, chunk)):
                self.run_item(turn, chunk, index)
            job_count_done(turn.job, turn.seat)
            n_until_look -= 1
            if n_until_look == 0:
                now = coarse_now_ns()
                n_until_look = LOOK_EVERY if now == looked else 1  # as long as so many are done in no time
                looked = now
                if now - paused >= PAUSE_EVERY_NS:
                    paused = now
                    self.make_a_pause(turn, chunk)
            is_on = turn_next(turn, &chunk)

    cdef void make_a_pause(self, Turn* turn, uint32_t chunk) noexcept:
        """Do from time to time what a function in C gives no occasion for."""
        try:
            pause()
            if not job_was_forked(turn.job):  # by the item, in which case the pool is the parent's
                self.look_for_more(turn.pool, 2)
        except BaseException as error:  # a signal handler's
            self.interrupt(turn, chunk, error)

    cdef inline void run_item(self, Turn* turn, uint32_t chunk, Py_ssize_t index) noexcept:
        cdef PyObject* fn = <PyObject*> self.fn
        cdef PyObject* item = source_item(&self.source, index)
        cdef PyObject* value = NULL
        if item != NULL:
            value = call_star(fn, item) if self.is_star else call_one(fn, item)
            drop_reference(item)
        if value == NULL:
            self.fail(turn, chunk, index)
        else:
            place_put(&self.places[index], value)

    cdef void fail(self, Turn* turn, uint32_t chunk, Py_ssize_t index) noexcept:
        """An item's error is its own, SystemExit too; Ctrl-C is for the run."""
        error = take_error()
        if isinstance(error, KeyboardInterrupt):
            self.interrupt(turn, chunk, error)
        else:
            self.failures[index] = error

    cdef Outcome harvest(self, object missing):
        """Make a list of the results, and let later ones find their places closed."""
        cdef Outcome outcome = Outcome.__new__(Outcome)
        cdef Py_ssize_t index, n_missing = 0
        cdef void* value
        outcome.values = PyList_New(self.n_items)
        for index in range(self.n_items):
            value = place_take(&self.places[index])
            if value == NULL:
                n_missing += 1
                value = <PyObject*> missing
                Py_INCREF(missing)
            put_in_list(outcome.values, index, <PyObject*> value)
        self.is_harvested = True
        outcome.failures = dict(sorted(self.failures.copy().items()))  # a copy: an interrupt leaves others who add to it
        outcome.n_finished = self.n_items - n_missing + len(outcome.failures)
        if outcome.n_finished == self.n_items:
            self.fn = self.items = self.context = None  # at once: a helper that still waits for a turn, and holds this, looks at them no more
        return outcome


# --- The job --------------------------------------------------------------------------------------------------------

cdef bint is_worth_a_turn(PoolState* pool, Job* job) noexcept nogil:
    """Watch a while from outside: who waits for the GIL disturbs its holder, and gains nothing if items are done in no time.

    With the GIL one could start a thread for tasks that nobody comes for."""
    cdef int64_t nap = FIRST_NAP_NS
    cdef int64_t now, since = job.began_ns
    cdef uint64_t n_done, before = 0
    while not job.is_stopped.load(memory_order_relaxed) and job_has_chunks(job):
        n_done = job_n_done(job)
        now = now_ns()
        if <int64_t> (n_done - before) < (now - since) // CHEAP_NS or pool_has_task_to_begin(pool):
            return True
        before, since = n_done, now
        sleep_ns(nap)
        nap = min(2 * nap, LONGEST_NAP_NS)
    return False


cdef void take_turn_without_gil(void* context, Turn* turn) noexcept nogil:
    cdef bint is_taken = gil_take()
    take_turn_with_gil(context, turn)
    gil_leave(is_taken)


cdef void take_turn(void* context, void* turn) noexcept nogil:
    cdef Turn* mine = <Turn*> turn
    if mine.seat == 0 or not has_gil or is_worth_a_turn(mine.pool, mine.job):
        take_turn_without_gil(context, mine)


cdef void take_turn_with_gil(void* context, Turn* turn) noexcept with gil:
    (<Items> context).take_turn(turn)


cdef void drop_items(void* context) noexcept with gil:
    Py_DECREF(<Items> context)


cdef bint is_in_item() noexcept nogil:
    """Whether this thread is in an item of the calls around it."""
    cdef Job* job = current_job()
    while job != NULL and job.take_turn == NULL:
        job = job.parent
    return job != NULL


cdef atomic[int]* wish(PoolState* pool) noexcept nogil:
    """Where a call says how many helpers it has seats for; NULL in items, which make do with those of the calls around them."""
    cdef Worker* worker = current_worker()
    if is_in_item():
        return NULL
    return &pool.n_wanted if worker == NULL or worker.pool != pool else &pool.n_wanted_inside


cdef Items new_items(object fn, object items, bint star, StopFlag stop):
    cdef Items made = Items.__new__(Items)
    made.fn = fn
    made.items = items
    made.context = contextvars.copy_context()
    made.stop = stop
    made.is_star = star
    made.n_items = len(items)
    made.failures = {}
    made.interrupts = []
    source_open(&made.source, items)
    made.places = new_array[Place](made.n_items)
    if made.places == NULL:
        raise MemoryError(f"no memory for {made.n_items} results; map them part by part")
    return made


cdef int run_items(Items items, PoolState* pool, int n_workers) except -1:
    """Run them all; an interrupt is kept, with the others."""
    cdef Region region
    region.context = <void*> items
    region.drop = drop_items
    region.n_items = items.n_items
    region.grain = 1
    region.n_workers = items.n_workers = min(n_workers, pool.max_workers)
    region.watches_flags = False
    region.is_orphaned = False
    cdef atomic[int]* wanted = wish(pool)
    cdef int n_wanted = min(items.n_workers, items.n_items) - 1
    if wanted != &pool.n_wanted:
        items.n_inside = items.n_workers
        pool.n_inside.store(items.n_inside, memory_order_relaxed)
    Py_INCREF(items)
    if wanted != NULL:
        wanted.fetch_add(n_wanted, memory_order_relaxed)
    try:
        region_run_turns(pool, &region, take_turn)
    finally:
        if wanted != NULL:
            wanted.fetch_sub(n_wanted, memory_order_relaxed)
        if items.n_inside != 0:
            pool.n_inside.store(0, memory_order_relaxed)
        if not region.is_orphaned:
            Py_DECREF(items)
    return 0


def map_items(fn, items, *, int n_workers=0, bint star=False, Core core=None, StopFlag stop=None, missing=None):
    """
    Call ``fn(item)`` for each of a sequence's items, on threads that items share, the caller's among them.

    Parameters
    ----------
    fn : callable
        Called in a copy of the caller's context (:mod:`contextvars`), which the items share that a worker runs in one go.
    items : sequence
        As long as it is at the start. Items are fetched by index when they are begun, by who runs them, and let go of at once. A list may change
        meanwhile: what counts is what is there then, and an index that it has lost is that item's IndexError. A sequence that is not exactly a
        list, tuple or range is asked for one item at a time.
    n_workers : int, default 0
        The most items that run at the same time; 1 runs them all in the calling thread. 0: what :func:`lightwork.configure` says, else
        ``min(32, cpu_budget() + 4)``.
    star : bool, default False
        Call ``fn(*item)``.
    core : Core, optional
        The pool whose threads help, and no more of them than it may have.
    stop : StopFlag, optional
        Once it is set no item is begun; those that run are waited for.
    missing : object, default None
        What stands in `values` for an item without a result.

    Returns
    -------
    Outcome
        Whatever was finished, also after an interrupt. It never raises what an item raised.

    Notes
    -----
    Thread-safe, and may be called within items: who waits for a nested call works on it. After an interrupt the call returns at once; items
    that other threads are in end on their own, and what they return is dropped. Fork in an item is allowed; the child's copy of the call raises.
    """
    cdef Items made = new_items(fn, items, star, stop)
    cdef Outcome outcome
    made.core = shared if core is None else core
    cdef PoolState* pool = made.core.alive()
    interrupt = None
    if made.n_items > 0:
        try:
            run_items(made, pool, n_workers or count_workers())
        except BaseException as error:  # a signal handler's, or that of a call around this one
            interrupt = error
    outcome = made.harvest(missing)
    pool_count_items(pool, outcome.n_finished, len(outcome.failures))
    outcome.interrupt = interrupt if not made.interrupts else made.interrupts[0]
    return outcome


def statistics():
    """What the threads did that items share, as a frozen snapshot; see :func:`lightwork.statistics`."""
    return shared.statistics()


def count_aside():
    """How many of these threads wait in a task, so that as many others may stand in for them."""
    return shared.alive().n_aside.load(memory_order_seq_cst)  # partner: step_aside


def shared_core():
    """The pool whose threads help where none is named, for others who have items run."""
    return shared
