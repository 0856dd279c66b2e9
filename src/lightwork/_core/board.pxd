"""The board of a pool: its jobs, which of them are free to use, and which want helpers, one bit each.

A worker finds work by one load of `wanting`; a caller finds room by one compare-and-swap of `free`.
When all jobs are in use, a call runs in its own thread alone, which is always correct.
"""

from lightwork._core.atomics cimport (
    CACHE_LINE,
    atomic,
    memory_order_acquire,
    memory_order_relaxed,
    memory_order_release,
    memory_order_seq_cst,
    uint64_t,
)
from lightwork._core.job cimport Job

cdef enum:
    BOARD_JOBS = 64

cdef extern from * nogil:
    """
    static inline int lw_lowest_bit(uint64_t word) { return __builtin_ctzll(word); }
    """
    int lowest_bit "lw_lowest_bit"(uint64_t word)  # of a word that is not zero

cdef struct Board:
    atomic[uint64_t] wanting   # jobs with chunks that a helper could take
    char line[CACHE_LINE - 8]  # idle workers look at it while callers write what follows
    atomic[uint64_t] free      # jobs that nobody uses
    Job jobs[BOARD_JOBS]


cdef inline Job* board_take(Board* board) noexcept nogil:
    """A job to use, or NULL when all are in use."""
    cdef uint64_t free = board.free.load(memory_order_relaxed)
    while free != 0:
        if board.free.compare_exchange_weak(free, free & (free - 1), memory_order_acquire, memory_order_relaxed):
            return &board.jobs[lowest_bit(free)]  # acquire: partner board_give_back, whose user wrote the job before
    return NULL


cdef inline uint64_t board_bit(Board* board, Job* job) noexcept nogil:
    return <uint64_t> 1 << (job - &board.jobs[0])


cdef inline void board_withdraw(Board* board, Job* job) noexcept nogil:
    if board.wanting.load(memory_order_relaxed) & board_bit(board, job):
        board.wanting.fetch_and(~board_bit(board, job), memory_order_relaxed)


cdef inline void board_give_back(Board* board, Job* job) noexcept nogil:
    """The job's latch is closed and quiet: no thief asks for helpers any more."""
    board_withdraw(board, job)
    board.free.fetch_or(board_bit(board, job), memory_order_release)  # partner: board_take


cdef inline void board_ask(Board* board, Job* job) noexcept nogil:
    """Ask for helpers. Sequentially consistent: whoever asks looks for sleepers next (partner: sleeper_announce)."""
    board.wanting.fetch_or(board_bit(board, job), memory_order_seq_cst)


cdef inline bint board_is_asking(Board* board, Job* job) noexcept nogil:
    return (board.wanting.load(memory_order_relaxed) & board_bit(board, job)) != 0


cdef inline uint64_t board_wanting(Board* board) noexcept nogil:
    return board.wanting.load(memory_order_seq_cst)  # partner: board_ask, by way of sleep.pxd
