# distutils: language = c++
"""What Python is too slow to time: bodies without the GIL on lightwork's workers, and the clock around them in C."""

from libc.stdint cimport int64_t
from libcpp.atomic cimport atomic

from lightwork import statistics

from lightwork cimport Body, parallel_for
from lightwork._core.atomics cimport CACHE_LINE, delete_array, new_array, now_ns, spin_hint
from lightwork._core.chunk cimport packed_run, run_pack, run_steal_half

cdef enum:
    PATIENCE_NS = 200_000_000  # how long one side waits for the other on a machine that others use, too


cdef int nothing(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    return 0


def empty_job(int n_chunks, int n_workers, int calls):
    """Seconds of a call with so many chunks, in which nothing is done."""
    cdef int64_t began = now_ns()
    cdef int _
    for _ in range(calls):
        parallel_for(nothing, NULL, n_chunks, 1, n_workers)
    return (now_ns() - began) / 1e9 / calls


def bare_calls(int n):
    """Seconds of calling the same body, through a pointer that the compiler cannot see through."""
    cdef atomic[Body] body
    cdef int64_t began
    cdef int i
    body.store(nothing)
    began = now_ns()
    with nogil:
        for i in range(n):
            body.load()(NULL, i, i + 1, 0)
    return (now_ns() - began) / 1e9 / n


# --- How long until a sleeper works ---------------------------------------------------------------------------------

cdef int wait_for_helper(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    """A helper notes the time; the caller keeps its own chunk until one has."""
    cdef atomic[int64_t]* arrived = <atomic[int64_t]*> context
    cdef int64_t began = now_ns()
    if worker > 0:
        arrived.store(began)
    while worker == 0 and arrived.load() == 0 and now_ns() - began < PATIENCE_NS:
        spin_hint()
    return 0


def rouse():
    """Seconds from a call until a helper runs its first chunk."""
    cdef atomic[int64_t] arrived
    cdef int64_t began
    arrived.store(0)
    began = now_ns()
    parallel_for(wait_for_helper, &arrived, 2, 1, 2)
    if arrived.load() == 0:
        raise TimeoutError("no helper came; is there a second core?")
    return (arrived.load() - began) / 1e9


# --- What a steal costs ---------------------------------------------------------------------------------------------

cdef struct Line:
    atomic[packed_run] run
    char rest[56]


cdef class Table:
    """Two cache lines between an owner's thread and a thief's: a run of chunks, and whose turn it is."""

    cdef Line* lines

    def __cinit__(self):
        self.lines = new_array[Line](2)
        if self.lines == NULL:
            raise MemoryError("no memory for two cache lines")

    def __dealloc__(self):
        delete_array[Line](self.lines, 2)

    cdef bint wait(self, packed_run turn) noexcept nogil:
        cdef int64_t began = now_ns()
        while self.lines[1].run.load() != turn:
            if now_ns() - began > PATIENCE_NS:
                return False
            spin_hint()
        return True

    def own(self, int rounds, bint fills):
        """Seconds of a round in which the owner fills its run and lets the thief have its turn."""
        cdef int64_t began
        cdef int _
        with nogil:
            self.wait(0)
            began = now_ns()
            for _ in range(rounds):
                if fills:
                    self.lines[0].run.store(run_pack(0, 64))
                self.lines[1].run.store(1)
                if not self.wait(0):
                    break
        return (now_ns() - began) / 1e9 / rounds

    def rob(self, int rounds, bint steals):
        """Take `rounds` turns as the thief."""
        cdef packed_run stolen
        cdef int _
        with nogil:
            for _ in range(rounds):
                if not self.wait(1):
                    break
                if steals:
                    run_steal_half(&self.lines[0].run, &stolen)
                self.lines[1].run.store(0)


def count_chunks():
    """The chunks that lightwork has run in this process."""
    return statistics().chunks


# --- Work of uneven cost --------------------------------------------------------------------------------------------

cdef api double burn(double cost) noexcept nogil:
    """Do `cost` steps that each wait for the one before."""
    cdef double x = cost
    cdef int _
    for _ in range(<int> cost):
        x = x * 0.999 + 0.001
    return x


cdef struct Slices:
    const double* costs
    double* out


cdef int burn_chunk(void* context, Py_ssize_t start, Py_ssize_t stop, int worker) noexcept nogil:
    cdef Slices* slices = <Slices*> context
    cdef Py_ssize_t i
    for i in range(start, stop):
        slices.out[i] = burn(slices.costs[i])
    return 0


def burn_slice(const double[::1] costs, double[::1] out):
    """One thread, without the GIL."""
    cdef Slices slices
    slices.costs = &costs[0]
    slices.out = &out[0]
    with nogil:
        burn_chunk(&slices, 0, costs.shape[0], 0)


def burn_parallel(const double[::1] costs, double[::1] out, Py_ssize_t grain):
    """lightwork's parallel_for; grain 0 is its own choice."""
    cdef Slices slices
    slices.costs = &costs[0]
    slices.out = &out[0]
    parallel_for(burn_chunk, &slices, costs.shape[0], grain)


# --- How fast memory can be read -----------------------------------------------------------------------------------

cdef int64_t read_words(const char* first, const char* end) noexcept nogil:
    """A word of each cache line, the bits of all of them: nothing that a core would have to wait for but memory."""
    cdef int64_t seen = 0
    while first < end:
        seen |= (<const int64_t*> first)[0]
        first += CACHE_LINE
    return seen


def read(const double[::1] array, int times):
    """Have each line of the array brought to this core, some times over; return what nobody can know beforehand."""
    cdef const char* first = <const char*> &array[0]
    cdef const char* end = <const char*> (&array[0] + array.shape[0])
    cdef int64_t seen = 0
    cdef int _
    with nogil:
        for _ in range(times):
            seen ^= read_words(first, end)
    return seen
