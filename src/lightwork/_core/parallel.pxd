"""Parallel regions for Cython code: ours, and other people's through ``from lightwork cimport parallel_for``."""

from lightwork._core.job cimport Body, Drop, TakeTurn
from lightwork._core.pool_state cimport PoolState

# What is to run, and afterwards how it ended.
cdef struct Region:
    Body body
    void* context
    Drop drop               # NULL, or how to free the context, which then may outlive the call: see region_run
    Py_ssize_t n_items
    Py_ssize_t grain        # items in a chunk; 0: 32 chunks for each worker
    int n_workers           # 0: the default; afterwards how many there were seats for
    bint watches_flags      # collect floating-point status flags
    int code                # of the first chunk by index that did not answer 0; else 0
    int flags               # the union of FE_* flags, in all chunks
    bint is_orphaned        # the context is not the caller's any more

cdef inline Py_ssize_t count_chunks(Py_ssize_t n_items, Py_ssize_t grain) noexcept nogil:
    return n_items // grain + (n_items % grain != 0)


# Run it, with the GIL released, and fill in how it ended. -1 with an exception set when a signal handler raised, when the job that
# this one is nested in was stopped, and in a child that the body forked off. Only where `drop` is given may the call end with
# a chunk still running: an interrupted caller does not wait for it, and the last helper frees the context.
cdef int region_run(Region* region) except -1

# The same in a pool of one's own choice, by turns: chunks are taken in `take_turn`, which is given a Turn, and region.body is not called. Each chunk
# that was run is counted by job_count_done; with `drop` given the call does not wait for helpers that have no turn. It starts no
# threads, and wakes one.
cdef int region_run_turns(PoolState* pool, Region* region, TakeTurn take_turn) except -1

# Run `body(context, start, stop, worker)` over chunks of `grain` items of [0, n_items) on up to `n_workers` workers, the caller
# among them. Call it with the GIL. Answers 0, or the positive code of the first chunk by index that failed, after which no
# chunk was started. Zeros mean the defaults.
cdef int parallel_for(Body body, void* context, Py_ssize_t n_items, Py_ssize_t grain=*, int n_workers=*) except -1
