"""The workers of a pool and what they share."""

from lightwork._core.atomics cimport CACHE_LINE, atomic, int64_t
from lightwork._core.board cimport Board
from lightwork._core.deque cimport Deque, Item
from lightwork._core.injector cimport Injector
from lightwork._core.patience cimport Patience
from lightwork._core.sleep cimport Dormitory, Sleeper

cdef enum:
    MAX_WORKERS = 1024           # as far as the steal protocol was simulated

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
    atomic[int64_t] n_started    # of the calls that were handed in one by one, those that it has begun,
    atomic[int64_t] n_finished   # those that have ended,
    atomic[int64_t] n_failed     # and of these the ones that raised
    atomic[int64_t] queue_ns     # how long those that were begun had waited for it
    atomic[int64_t] run_ns       # what those that have ended took

cdef struct Worker:
    PoolState* pool
    int index                    # 0: no thread of the pool's, but whoever calls from outside
    int forks_seen
    atomic[int] is_running       # a thread runs it; another that was started for it by mistake goes away
    atomic[int] is_dismissed     # its thread is to end once it finds nothing to do
    bint is_beside               # it keeps the threads of libraries down until it has nothing to do; its own
    bint is_counted              # among those who watch for tasks, while it comes out of one
    bint expects_turns           # it was called for a job run by turns at the GIL, of which there may be more; its own
    bint is_active               # its thread is in a task, and counted in n_active; its own
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
    int64_t idle_ns              # how long a worker sleeps before its thread ends; negative: for ever
    atomic[int] n_threads        # that were started and have not ended
    atomic[int] n_active         # of those, the ones in tasks, but for those that wait there: at most max_workers begin
    atomic[int] n_aside          # threads that wait in tasks, so that as many others may stand in for them
    atomic[int] n_watching       # threads that spin, looking for work, or come out of a task and will look
    Patience patience            # for how long they do; of a pool that runs tasks
    atomic[int] n_dozing         # threads that sleep, but look for jobs run by turns from time to time: one at most
    atomic[int] was_called_for_turns  # whether somebody was woken for such a job, who may have come too late for it
    atomic[int] n_in_items       # threads that have a turn in somebody's job
    atomic[int] n_wanted         # helpers that calls over items have seats for, those from outside together
    atomic[int] n_wanted_inside  # those that calls in tasks have seats for, likewise
    atomic[int] n_inside         # workers of the last call inside an item or a task, while it runs; a hint
    atomic[int] most_in_tasks    # so many tasks may have threads beside items, as the last call over items was configured; a hint
    atomic[int] top              # the highest index of a worker that was asked for
    atomic[int] is_claimed[MAX_WORKERS + 1]  # whether somebody starts, or has started, the worker's thread
    atomic[int] is_closing
    atomic[int] n_handles        # Python objects that keep this alive; a call does so until it has ended
    atomic[int64_t] n_unfinished  # tasks that were let in and have not ended; above zero no worker leaves
    atomic[int64_t] n_submitted  # calls that were handed in, for statistics() as are these
    atomic[int64_t] n_cancelled  # of those, the ones that nobody will begin
    atomic[int64_t] n_items      # items that calls over items have finished
    atomic[int64_t] n_failed_items
    atomic[int64_t] n_retried    # attempts that were made again
    atomic[int64_t] n_throttled  # how often a limiter held a call over items up
    atomic[Worker*] workers[MAX_WORKERS + 1]

cdef atomic[int]* forks() noexcept nogil
cdef void enter_worker(Worker* worker) noexcept nogil
cdef Worker* current_worker() noexcept nogil
cdef bint was_forked(Worker* worker) noexcept nogil

cdef PoolState* pool_new() noexcept nogil
cdef void pool_free(PoolState* pool) noexcept nogil
cdef Worker* pool_add_worker(PoolState* pool, int index) noexcept nogil
cdef void pool_close(PoolState* pool) noexcept nogil
cdef bint pool_is_over(PoolState* pool) noexcept nogil

cdef int pool_wake(PoolState* pool, int n_wanted, bint is_apart=*) noexcept nogil
cdef bint pool_is_warm(PoolState* pool) noexcept nogil

cdef void pool_count_items(PoolState* pool, int64_t n_items, int64_t n_failed) noexcept nogil

cdef bint pool_let_in(PoolState* pool) noexcept nogil
cdef void pool_let_out(PoolState* pool) noexcept nogil
cdef bint pool_post(PoolState* pool, Item item) noexcept nogil
cdef bint pool_may_begin(PoolState* pool) noexcept nogil
cdef bint pool_has_task_to_begin(PoolState* pool) noexcept nogil
cdef bint pool_has_work(PoolState* pool) noexcept nogil
cdef int64_t count_tasks(PoolState* pool, int64_t enough) noexcept nogil
cdef bint pool_has_tasks(PoolState* pool) noexcept nogil
cdef int pool_n_in_tasks(PoolState* pool) noexcept nogil
cdef bint pool_is_watched(PoolState* pool) noexcept nogil
cdef bint pool_enter(Worker* worker) noexcept nogil
cdef bint pool_is_crowded(PoolState* pool) noexcept nogil
cdef void pool_leave(Worker* worker) noexcept nogil
cdef bint step_aside(Worker* worker) noexcept nogil
cdef void step_back(Worker* worker) noexcept nogil
cdef bint pool_retire(Worker* worker) noexcept nogil
cdef Item pool_take_back(PoolState* pool) noexcept nogil
cdef Item steal_from(PoolState* pool, int nearest) noexcept nogil
