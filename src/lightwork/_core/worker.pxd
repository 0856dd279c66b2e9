"""How a worker lives, and how the owner of a job works on it and waits."""

from lightwork._core.atomics cimport int64_t
from lightwork._core.job cimport Job
from lightwork._core.pool_state cimport PoolState, Tally, Worker

cdef extern from * nogil:
    """
    #if PY_VERSION_HEX >= 0x030D0000
    #define lw_is_finalizing Py_IsFinalizing
    #else
    #define lw_is_finalizing _Py_IsFinalizing
    #endif
    """
    # Whether the interpreter is on its way out: no thread can be started then, and taking the GIL ends a thread or, later, crashes.
    bint is_finalizing "lw_is_finalizing"()

cdef enum:
    SPIN_NS = 50_000             # look for work this long before falling asleep; about what waking up costs
    SIGNALS_EVERY_NS = 50_000_000

# How the owner of a job looks for signals while it works and waits.
cdef struct Watch:
    int64_t next_look_ns         # on the coarse clock
    bint is_interrupted          # a handler raised; the exception is set in the owner's thread state

# Call a task, which reports its own errors; what escapes is nobody's, and shown as such.
cdef void call_task(object task) noexcept
cdef void worker_run(Worker* worker) noexcept nogil
cdef Job* current_job() noexcept nogil
cdef Job* swap_job(Job* job) noexcept nogil
cdef void owner_work(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil
cdef bint owner_wait(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil
