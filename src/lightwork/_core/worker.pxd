"""Workers, what they share, and how one takes part in a job. What Python calls stands in pool.pyx."""

from lightwork._core.atomics cimport CACHE_LINE, atomic, int64_t
from lightwork._core.board cimport Board
from lightwork._core.deque cimport Deque, Item
from lightwork._core.injector cimport Injector
from lightwork._core.job cimport Job
from lightwork._core.sleep cimport Dormitory, Sleeper

cdef enum:
    MAX_WORKERS = 1024           # as far as the steal protocol was simulated
    SPIN_NS = 50_000             # look for work this long before falling asleep; about what waking up costs
    SIGNALS_EVERY_NS = 50_000_000

# What a worker did, for statistics(). Written by its worker alone, but for worker 0, which stands for all threads from outside.
cdef struct Tally:
    atomic[int64_t] chunks
    atomic[int64_t] stolen       # of these, chunks that came out of another's run
    atomic[int64_t] jobs         # taken part in
    atomic[int64_t] tasks
    atomic[int64_t] parks
    atomic[int64_t] wakeups
    atomic[int64_t] busy_ns
    atomic[int64_t] idle_ns

cdef struct Worker:
    PoolState* pool
    int index                    # 0: no thread of the pool's, but whoever calls from outside
    int forks_seen
    int starter_cpu              # whose CPU its thread leaves first of all
    Sleeper sleeper
    Deque deque                  # tasks that its own tasks spawned
    Tally tally
    char line[CACHE_LINE]

cdef struct PoolState:
    Board board
    Injector injector
    Dormitory dormitory
    int max_workers              # of a pool made for a number of workers; 0 for the default pool, which asks each time
    atomic[int] n_threads        # workers 1..n_threads have been asked for
    atomic[int] is_closing
    atomic[int] n_handles        # Python objects that keep this alive
    atomic[int64_t] n_unfinished # tasks spawned and not yet run
    atomic[Worker*] workers[MAX_WORKERS + 1]

# How the owner of a job looks for signals while it works and waits.
cdef struct Watch:
    int64_t next_look_ns         # on the coarse clock
    bint is_interrupted          # a handler raised; the exception is set in the owner's thread state

cdef PoolState* pool_new() noexcept nogil
cdef void pool_free(PoolState* pool) noexcept nogil
cdef Worker* pool_add_worker(PoolState* pool, int index) noexcept nogil
cdef void pool_wake(PoolState* pool, int n_wanted) noexcept nogil
cdef bint pool_is_warm(PoolState* pool) noexcept nogil
cdef void pool_close(PoolState* pool) noexcept nogil
cdef bint pool_post(PoolState* pool, Item item) noexcept nogil
cdef Item pool_take_back(PoolState* pool) noexcept nogil

cdef void worker_run(Worker* worker) noexcept nogil
cdef Worker* current_worker() noexcept nogil
cdef Job* current_job() noexcept nogil

cdef void owner_work(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil
cdef bint owner_wait(PoolState* pool, Job* job, Tally* tally, Watch* watch) noexcept nogil

cdef atomic[int]* forks() noexcept nogil
