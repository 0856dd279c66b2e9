"""A call and what becomes of it: all that a handle needs while nobody looks at it closely.

A future of the standard library is made for those who wait: it has a lock, a list of waiters and one of callbacks, and most futures
are never waited for. A promise has one word, which goes from pending to running to finished by compare-and-swap. Whoever wants more than to
ask makes it *observed*, by asking for its condition: then all that the standard library's ``Future`` has is there, and the state changes under
that condition only. A change by compare-and-swap finds the promise unobserved, and thereby that nobody is to be told.
"""

from concurrent.futures import Future
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from types import GenericAlias

from lightwork._config import settings
from lightwork._core.pool import run_apart, stand_by
from lightwork.executors.stealing import default_workers
from lightwork.tasks.inside import running as item_here
from lightwork.tasks.waiting import Waiters, check_room

cimport cython
from cpython.contextvars cimport PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit, PyContextVar_Set, get_value
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from lightwork._core.atomics cimport (
    atomic,
    memory_order_acq_rel,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    now_ns,
    spin_hint,
)
from lightwork._core.backlog cimport drop_latest, put_latest, take_latest
from lightwork._core.lifetime cimport pool_hold, pool_release
from lightwork._core.patience cimport MOST_PATIENCE_NS, Patience, patience_init, patience_learn, patience_now
from lightwork._core.pool cimport Core
from lightwork._core.pool_state cimport MAX_WORKERS, PoolState, Tally, Worker, current_worker, forks
from lightwork._core.worker cimport stay_beside
from lightwork.tasks.condition cimport Condition, settled
from lightwork.tasks.errand cimport Errand
from lightwork.tasks.report cimport Report

cdef extern from "Python.h":
    object call "PyObject_Call"(object fn, object args, PyObject* kwargs)

cdef extern from *:
    """
    /* kind.__new__(kind), without looking it up. */
    static inline PyObject* lw_make(PyObject* kind, PyObject* nothing) {
        return ((PyTypeObject*)kind)->tp_new((PyTypeObject*)kind, nothing, NULL);
    }
    """
    object make_instance "lw_make"(object kind, object nothing)

cdef enum:
    IS_PENDING = 0
    IS_RUNNING = 1
    IS_CANCELLED = 2  # and those who wait along with other futures are yet to be told
    IS_NOTIFIED = 3
    IS_FINISHED = 4
    STATE = 7         # the bits of these, in the word,
    OBSERVED = 8      # and the one that says that the condition is there

cdef tuple STATES = (PENDING, RUNNING, CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED)

cdef atomic[int64_t] n_promises
# How long to spin for a result before sleeping.
cdef Patience patience
patience_init(&patience)


cdef inline bint is_final(int word) noexcept nogil:
    return (word & STATE) >= IS_CANCELLED


cdef bint spin(atomic[int]* word, int64_t most_ns) noexcept nogil:
    """Whether a promise was done after a while."""
    cdef int64_t began = now_ns()
    cdef int64_t enough_ns = min(patience_now(&patience), most_ns)
    while not is_final(word.load(memory_order_acquire)) and now_ns() - began < enough_ns:
        spin_hint()
    cdef bint is_done = is_final(word.load(memory_order_acquire))
    patience_learn(&patience, is_done, now_ns() - began)
    return is_done


cdef class Promise:
    """
    A call of a pool's, and what becomes of it; the fast half of a handle, whose other half is ``concurrent.futures.Future``.

    Attributes
    ----------
    task_id : int
        Its number in this process, from 1 on.
    """

    cdef atomic[int] word
    cdef atomic[int64_t] began_ns
    cdef atomic[int64_t] ended_ns
    cdef PoolState* home        # in whose workers a waiter may make the call itself; held until nothing will be counted there any more
    cdef int forks_seen
    cdef bint is_booked         # from its submission on until it has ended or was cancelled; of who sees to that
    cdef int64_t submitted_ns
    cdef readonly int64_t task_id
    cdef object fn              # these four until somebody has begun the call, or it was cancelled
    cdef tuple args
    cdef dict kwargs
    cdef object context
    cdef object value
    cdef object error
    cdef Report reported
    cdef Condition condition    # these three are made when somebody asks for them
    cdef object waiters
    cdef list callbacks
    cdef readonly object _given_name

    __class_getitem__ = classmethod(GenericAlias)

    # --- The call ---------------------------------------------------------------------------------------------------

    def __call__(self, failure=None):
        """Make the call, or fail with what keeps it from being made, unless somebody has begun it or it was cancelled."""
        if not self.start():
            return
        cdef object error = failure
        cdef object value = None
        cdef Tally* tally = self.tally()
        count_start(self, tally)
        if failure is None:
            try:
                value = self.make()
            except BaseException as raised:  # a SystemExit too is the outcome of the call, not of the worker
                error = raised
        else:
            self.let_go()
        count_end(self, tally, error is not None)  # now: whoever has the outcome finds it counted
        self.leave()
        self.finish(value, error)

    cdef bint start(self) except -1:
        """Whether it is for the caller to make the call; for one thread it is, if it was not cancelled."""
        cdef int seen = IS_PENDING
        if self.word.compare_exchange_strong(seen, IS_RUNNING, memory_order_acq_rel, memory_order_acquire):
            return True
        if not seen & OBSERVED:
            return False
        with self.condition.lock:
            seen = self.word.load(memory_order_relaxed) & STATE
            if seen != IS_PENDING and seen != IS_CANCELLED:
                return False
            if seen == IS_PENDING:
                self.word.store(IS_RUNNING | OBSERVED, memory_order_release)
                return True
            self.set_running_or_notify_cancel()
        self.forgo()
        return False

    cdef void let_go(self) noexcept:
        """By the one who has begun or cancelled the call: the future refers to neither function nor arguments any more."""
        self.fn = self.args = self.kwargs = self.context = None

    cdef void forgo(self) noexcept:
        """By the one who has cancelled the call."""
        self.let_go()
        if self.is_booked:
            self.home.n_cancelled.fetch_add(1, memory_order_relaxed)
            self.leave()

    cdef object make(self):
        fn, args, kwargs, context = self.fn, self.args, self.kwargs, self.context
        self.let_go()
        PyContext_Enter(context)
        try:
            self.enter()
            return call(fn, args, <PyObject*> kwargs if kwargs else NULL)
        finally:
            PyContext_Exit(context)

    cdef int enter(self) except -1:
        """In the call's context, say where it reports to, and whether it is wanted, which an item around it knows."""
        cdef Report report = self.report_of()
        outer = get_value(item_here, None)
        if outer is not None:
            report.cancelled = outer.cancelled
        PyContextVar_Set(item_here, report)
        self.keep_libraries_down()
        return 0

    cdef int keep_libraries_down(self) except -1:
        """By a worker of its pool, once until that has no more tasks."""
        cdef Worker* worker = current_worker()
        if worker != NULL and worker.pool == self.home and worker.is_active and not worker.is_beside:
            stay_beside(worker, calls_at_a_time(worker.pool))
        return 0

    cdef int finish(self, object value, object error) except -1:
        cdef int seen = IS_RUNNING
        self.value = value
        self.error = error
        # Publishes the outcome (partner: the acquiring loads of the word), or finds the condition (partner: who made it).
        if self.word.compare_exchange_strong(seen, IS_FINISHED, memory_order_release, memory_order_acquire):
            return 0
        self.tell(error is not None)
        return 0

    cdef int tell(self, bint has_failed) except -1:
        """What ``Future.set_result`` and ``set_exception`` do, for those who wait."""
        with self.condition.lock:
            self.word.store(IS_FINISHED | OBSERVED, memory_order_release)
            for waiter in self.waiters or ():
                if has_failed:
                    waiter.add_exception(self)
                else:
                    waiter.add_result(self)
            self.condition.notify_all()
        if self.callbacks:
            self._invoke_callbacks()
        return 0

    # --- The pool that counts it ------------------------------------------------------------------------------------

    cdef int enrol(self, Core core) except -1:
        self.home = core.alive()
        self.forks_seen = forks().load(memory_order_relaxed)
        self.submitted_ns = now_ns()
        self.is_booked = True
        pool_hold(self.home)
        self.home.n_submitted.fetch_add(1, memory_order_relaxed)
        return 0

    cdef Tally* tally(self) noexcept:
        """Where who makes the call counts it: as a worker of the pool, or as somebody from outside."""
        cdef Worker* worker = current_worker()
        if worker == NULL or worker.pool != self.home:
            worker = self.home.workers[0].load(memory_order_relaxed)
        return &worker.tally

    cdef void leave(self) noexcept:
        """Nothing will be counted any more; in a forked child the pool is the parent's, and stays as it is."""
        if self.is_booked:
            self.is_booked = False
            if self.forks_seen == forks().load(memory_order_relaxed):
                pool_release(self.home)

    def __dealloc__(self):
        if self.is_booked:  # it was refused
            self.home.n_submitted.fetch_sub(1, memory_order_relaxed)
            self.leave()

    # --- Those who ask ----------------------------------------------------------------------------------------------

    def done(self):
        """Whether the call has ended or was cancelled."""
        return is_final(self.word.load(memory_order_acquire))

    def running(self):
        """Whether somebody is making the call."""
        return (self.word.load(memory_order_acquire) & STATE) == IS_RUNNING

    def cancelled(self):
        """Whether the call was cancelled."""
        cdef int state = self.word.load(memory_order_acquire) & STATE
        return state == IS_CANCELLED or state == IS_NOTIFIED

    def cancel(self):
        """Cancel the call if nobody has begun it, and let go of it; return whether it is cancelled."""
        cdef int seen = IS_PENDING
        if self.word.compare_exchange_strong(seen, IS_NOTIFIED, memory_order_acq_rel, memory_order_acquire):
            self.forgo()
            return True
        if not seen & OBSERVED:
            return seen == IS_NOTIFIED
        try:
            return Future.cancel(self)
        finally:
            if self.word.load(memory_order_acquire) & STATE == IS_CANCELLED:
                self.start()  # those who wait along with other futures are told at once, not when a worker comes upon it

    def result(self, timeout=None):
        """
        Wait for the call and return what it returned, or raise what it raised.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait before ``TimeoutError``. A worker that makes the call itself does not look at it.
        """
        if not self.hurry(timeout):
            return stand_by(Future.result, self, timeout)
        if self.error is not None:
            raise self.error
        return self.value

    def exception(self, timeout=None):
        """Wait for the call and return what it raised, or None; `timeout` as in :meth:`result`."""
        if not self.hurry(timeout):
            return stand_by(Future.exception, self, timeout)
        return self.error

    cdef bint hurry(self, object timeout) except -1:
        """Whether the call was finished, or is so after a while that is too short to sleep."""
        if not is_final(self.word.load(memory_order_acquire)):
            if not self.lend_a_hand():
                self.spin(timeout)
        return (self.word.load(memory_order_acquire) & STATE) == IS_FINISHED

    def lend_a_hand(self):
        """In a worker of its pool, make the call if nobody has begun it; return whether that was so."""
        cdef Worker* worker = current_worker()
        self.check_process()
        if worker == NULL or worker.pool != self.home or (self.word.load(memory_order_relaxed) & STATE) != IS_PENDING:
            return False
        check_room()
        run_apart(self)
        let_go_of_done(worker)
        return True

    def check_process(self):
        """Raise in a forked child where nobody will ever end the call, which was the parent's."""
        if self.forks_seen != forks().load(memory_order_relaxed) and not is_final(self.word.load(memory_order_acquire)):
            raise RuntimeError("this call was submitted before the process was forked, and is made by the parent only; submit it again")

    cdef int spin(self, object timeout) except -1:
        cdef double most_ns = MOST_PATIENCE_NS if timeout is None else min(<double> MOST_PATIENCE_NS, max(0.0, 1e9 * timeout))
        with nogil:
            spin(&self.word, <int64_t> most_ns)
        return 0

    # --- What a handle tells ----------------------------------------------------------------------------------------

    @property
    def elapsed(self):
        """Seconds since the call began, or which it took; 0.0 if nobody has begun it."""
        cdef int64_t began = self.began_ns.load(memory_order_relaxed)
        cdef int64_t ended = self.ended_ns.load(memory_order_relaxed)
        if began == 0:
            return 0.0
        return ((ended if ended != 0 else now_ns()) - began) * 1e-9

    @property
    def waited(self):
        """Seconds that the call has waited for somebody to begin it, or had by then."""
        cdef int64_t began = self.began_ns.load(memory_order_relaxed)
        return ((began if began != 0 else now_ns()) - self.submitted_ns) * 1e-9

    cdef Report report_of(self):
        with cython.critical_section(self):
            if self.reported is None:
                self.reported = Report.__new__(Report)
            report = self.reported
        return report

    @property
    def report(self):
        """Where the call reports its progress to."""
        return self.report_of()

    # --- What the standard library's half asks for ------------------------------------------------------------------

    @property
    def _condition(self):
        cdef int seen = self.word.load(memory_order_acquire)
        if seen == IS_FINISHED or seen == IS_NOTIFIED:
            return settled
        if not seen & OBSERVED:
            condition = Condition.__new__(Condition)
            with cython.critical_section(self):
                if self.condition is None:  # a finalizer or another thread may have been quicker
                    self.condition = condition
            self.word.fetch_or(OBSERVED, memory_order_acq_rel)  # publishes the condition to whoever finds this bit
        return self.condition

    @property
    def _state(self):
        return STATES[self.word.load(memory_order_acquire) & STATE]

    @_state.setter
    def _state(self, state):
        self.word.store(STATES.index(state) | OBSERVED, memory_order_release)  # under the condition, when this class's methods do it

    @property
    def _result(self):
        return self.value

    @_result.setter
    def _result(self, value):
        self.value = value

    @property
    def _exception(self):
        return self.error

    @_exception.setter
    def _exception(self, error):
        self.error = error

    @property
    def _waiters(self):
        cdef list made = []
        if not is_final(self.word.load(memory_order_acquire)):  # so this is under a lock
            self.check_process()
            if current_worker() != NULL and not isinstance(self.waiters, Waiters):
                self.waiters = Waiters(self, self.waiters or ())
        with cython.critical_section(self):
            if self.waiters is None:
                self.waiters = made
        return self.waiters

    @property
    def _done_callbacks(self):
        if self.callbacks is None:
            self.callbacks = []
        return self.callbacks


cdef int calls_at_a_time(PoolState* pool) except -1:
    """How many, at most, a pool makes; the one that all share has more threads than that."""
    return pool.max_workers if pool.max_workers < MAX_WORKERS else settings().workers or default_workers()


cdef inline void count_start(Promise call, Tally* tally) noexcept:
    cdef int64_t began = now_ns()
    call.began_ns.store(began, memory_order_relaxed)
    tally.n_started.fetch_add(1, memory_order_relaxed)
    tally.queue_ns.fetch_add(began - call.submitted_ns, memory_order_relaxed)


cdef inline void count_end(Promise call, Tally* tally, bint has_failed) noexcept:
    cdef int64_t ended = now_ns()
    call.ended_ns.store(ended, memory_order_relaxed)
    tally.run_ns.fetch_add(ended - call.began_ns.load(memory_order_relaxed), memory_order_relaxed)
    tally.n_finished.fetch_add(1, memory_order_relaxed)
    if has_failed:
        tally.n_failed.fetch_add(1, memory_order_relaxed)


cdef Promise promise_of(object task):
    """What a pool was given: a promise, or what carries one, or None."""
    if isinstance(task, Errand):
        return (<Errand> task).handle
    return task if isinstance(task, Promise) else None


cdef bint is_over(object task):
    """Whether nothing is left to do of it."""
    cdef Promise promise = promise_of(task)
    return promise is not None and is_final(promise.word.load(memory_order_acquire))


cdef int let_go_of_done(Worker* worker) except -1:
    """In a task, drop the latest that it submitted which are done, for it has made them itself: they would be kept until it ends."""
    cdef object task = take_latest(worker)
    while task is not None:
        if not is_over(task):
            put_latest(worker, task)
            return 0
        drop_latest(worker, task)
        task = take_latest(worker)
    return 0


cdef bint put_away(object task, object leave) except -1:
    """Cancel the call that a task is or carries, or leave a task that is none to somebody; whether a call was cancelled."""
    promise = promise_of(task)
    if promise is None:
        leave(task)
        return False
    try:
        return promise.cancel()
    except KeyboardInterrupt:  # which may have come before the call was cancelled
        promise.cancel()
        raise
    finally:
        if promise is not task:
            (<Errand> task).end()


def cancel_waiting(Core core, leave):
    """
    Take back the tasks of a pool that nobody has begun, and cancel the calls among them; others go to ``leave(task)``.

    Whatever callbacks or signal handlers raise, nothing that was taken back is forgotten: the first of it is raised in the end. Here the
    interpreter runs no handler between two calls, as it would between two lines of Python.

    Returns
    -------
    int
        How many calls were cancelled.
    """
    cdef list escaped = []
    cdef int n_cancelled = 0
    for task in core.discard():
        try:
            n_cancelled += put_away(task, leave)
        except BaseException as error:
            escaped.append(error)
    if escaped:
        raise escaped[0]
    return n_cancelled


cpdef Promise promise(kind, Core core, metrics, fn, tuple args, dict kwargs):
    """Return a promise, of a class of one's own, of a call in a copy of this context for a pool; measured if there are metrics."""
    cdef Promise made = make_instance(kind, ())
    made.enrol(core)
    made.task_id = n_promises.fetch_add(1, memory_order_relaxed) + 1
    made._given_name = getattr(fn, "__qualname__", None)
    made.fn = fn if metrics is None else metrics.timed(fn)
    made.args = args
    made.kwargs = kwargs
    made.context = PyContext_CopyCurrent()
    return made


def hand_in(kind, Core core, metrics, fn, tuple args, dict kwargs):
    """Have a pool make a call in a copy of this context; return the promise of it, which is of a class of one's own."""
    cdef Promise made = promise(kind, core, metrics, fn, args, kwargs)
    core.post(made, True)
    return made
