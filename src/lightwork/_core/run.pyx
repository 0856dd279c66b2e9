"""Programs run as a loop does: a chunk comes in, each block of it goes through all steps while it is in the cache.

A run is one call of a program, on the arrays and constants of that call; each worker has a desk in it, with all that two of them could not share: the
floating-point flags that each step raised, and NumPy's iterators, which do the casts. Temporaries are in memory that belongs to the thread and
outlives the call, so that a call allocates nothing and finds it in the cache.
"""

cimport cython
from cpython.exc cimport PyErr_NoMemory
from libc.stdlib cimport free

from lightwork._core.atomics cimport memory_order_relaxed
from lightwork._core.caster cimport CELL, Cast, Caster, cast_block, caster_begin, caster_end
from lightwork._core.loop cimport MAX_OPERANDS, AuxData, Loop, StridedLoop, npy_intp
from lightwork._core.program cimport LINE, Code, Program, Step, allocate, rounded_up

cdef extern from "<cfenv>" nogil:
    const int FE_DIVBYZERO
    const int FE_OVERFLOW
    const int FE_UNDERFLOW
    const int FE_INVALID
    int feclearexcept(int)
    int fetestexcept(int)

cdef extern from * nogil:
    """
    #include <cstddef>
    #include <cstdlib>

    /* A thread's own memory, which grows and goes with it. */
    struct lw_scratch {
        void* start = nullptr;
        std::size_t size = 0;

        ~lw_scratch() { std::free(start); }

        char* at_least(std::size_t wanted) {
            if (wanted > size) {
                std::free(start);
                wanted = (wanted + 4095) / 4096 * 4096;
                start = std::aligned_alloc(64, wanted);
                size = start ? wanted : 0;
            }
            return static_cast<char*>(start);
        }
    };

    static thread_local lw_scratch lw_thread_scratch;

    static inline char* lw_scratch_of_thread(std::size_t wanted) { return lw_thread_scratch.at_least(wanted); }
    """
    char* scratch_of_thread "lw_scratch_of_thread"(size_t wanted)

# --- What a worker does ---------------------------------------------------------------------------------------------

# What one worker needs for itself, in one call.
cdef struct Desk:
    char* constants
    bint watches_steps     # whether each step is asked for the flags that it raised, and not only all of them together
    int* flags             # that each step raised
    Caster* casters


cdef inline int watched() noexcept nogil:
    return FE_DIVBYZERO | FE_OVERFLOW | FE_UNDERFLOW | FE_INVALID


cdef void lay_out(Code* code, Desk* desk, char* scratch, char** data, npy_intp* strides) noexcept nogil:
    """Fill in where the slots are, at the start of the scratch memory: first all addresses, then all strides, then come the temporaries."""
    cdef char** at = <char**> scratch
    cdef npy_intp* steps = <npy_intp*> (at + code.n_slots)
    cdef char* temporary = scratch + code.table
    cdef int i, slot = code.n_operands
    for i in range(code.n_operands):
        at[i] = data[i]
        steps[i] = strides[i]
    for i in range(code.n_constants):
        at[slot + i] = desk.constants + i * CELL
        steps[slot + i] = 0
    slot += code.n_constants
    for i in range(code.n_temporaries):
        at[slot + i] = temporary
        steps[slot + i] = code.itemsizes[i]
        temporary += code.itemsizes[i] * code.block


cdef inline int run_step(Code* code, Step* step, Desk* desk, char** at, npy_intp* strides, npy_intp count) noexcept nogil:
    cdef char* data[MAX_OPERANDS]
    cdef npy_intp steps[MAX_OPERANDS]
    cdef int* slots = code.slots + step.first
    cdef int i
    for i in range(step.n_operands):
        data[i] = at[slots[i]]
        steps[i] = strides[slots[i]]
    if step.cast < 0:
        return step.function(step.context, data, &count, steps, step.auxdata)
    if steps[0] != step.itemsize:
        data[1] = at[code.n_slots - 1]
        steps[1] = step.itemsize
        step.function(step.context, data, &count, steps, step.auxdata)
        data[0] = data[1]
    if cast_block(&desk.casters[step.cast], code.zeros, data[0], &at[slots[1]], count):
        return set_no_memory()  # for its buffer: a cast of numbers does not fail otherwise
    return 0


cdef enum Outcome:
    FAILED = -1
    QUIET = 0
    RAISED = 1  # floating-point flags


cdef inline void note_flags(Desk* desk, int i) noexcept nogil:
    """Put down what the step that has just run raised."""
    cdef int raised = fetestexcept(watched())
    if raised:
        desk.flags[i] |= raised
        feclearexcept(raised)


cdef inline int run_quietly(Code* code, Desk* desk, char** at, npy_intp* strides, npy_intp count) noexcept nogil:
    """Run a block and say whether flags were raised, without asking after each step.

    Before a step that clears flags it has to be asked, and after a cast: NumPy's iterator need not cast the same item again."""
    cdef int i
    for i in range(code.n_steps):
        if code.steps[i].clears_flags and fetestexcept(watched()):
            return RAISED
        if run_step(code, &code.steps[i], desk, at, strides, count):
            return FAILED
        if code.steps[i].cast >= 0:
            note_flags(desk, i)
    return RAISED if fetestexcept(watched()) else QUIET


cdef int run_watched(Code* code, Desk* desk, char** at, npy_intp* strides, npy_intp count) noexcept nogil:
    """Run a block, and note which step raised which flags."""
    cdef int i
    for i in range(code.n_steps):
        if run_step(code, &code.steps[i], desk, at, strides, count):
            return FAILED
        note_flags(desk, i)
    return QUIET


cdef int run_block(Code* code, Desk* desk, char** at, npy_intp* strides, npy_intp count) noexcept nogil:
    """Run a block, and once more if it raised flags, to see which step it was; from then on each step is asked.

    To ask is to wait until all that was begun is done: for each of nine steps over 320 doubles 5 ns in the cache and 10 where they come from afar."""
    cdef int outcome
    if not desk.watches_steps:
        outcome = run_quietly(code, desk, at, strides, count)
        if outcome != RAISED:
            return outcome
        feclearexcept(watched())
        desk.watches_steps = True
    return run_watched(code, desk, at, strides, count)


cdef inline bint is_met(char* a, npy_intp a_span, char* b, npy_intp b_span) noexcept nogil:
    """Whether items begin within each other's bounds."""
    return min(a, a + a_span) <= max(b, b + b_span) and min(b, b + b_span) <= max(a, a + a_span)


cdef bint writes_inputs(Code* code, char** data, npy_intp* strides, npy_intp count) noexcept nogil:
    """Whether an output may be the memory of an input, so that nothing can be run twice.

    Where it is, it is so item for item: who calls has put all others apart (partners: is_apart, and COPY_IF_OVERLAP of NumPy's iterators)."""
    cdef int i, j
    for i in range(code.n_inputs):
        for j in range(code.n_inputs, code.n_operands):
            if is_met(data[i], (count - 1) * strides[i], data[j], (count - 1) * strides[j]):
                return True
    return False


cdef int run_program(void* context, char** data, npy_intp* dimensions, npy_intp* strides, AuxData* auxdata) noexcept nogil:
    """A program as a strided loop; its auxiliary data is a desk."""
    cdef Code* code = <Code*> context
    cdef Desk* desk = <Desk*> auxdata
    cdef char* scratch = scratch_of_thread(code.scratch)
    cdef npy_intp done = 0, count
    cdef int i
    if scratch == NULL:
        return set_no_memory()
    lay_out(code, desk, scratch, data, strides)
    if not desk.watches_steps:
        desk.watches_steps = writes_inputs(code, data, strides, dimensions[0])
    while done < dimensions[0]:
        count = min(code.block, dimensions[0] - done)
        if run_block(code, desk, <char**> scratch, <npy_intp*> scratch + code.n_slots, count):
            return -1
        for i in range(code.n_operands):
            (<char**> scratch)[i] += count * strides[i]
        done += count
    return 0


cdef int set_no_memory() noexcept with gil:
    PyErr_NoMemory()
    return -1


# --- One call -------------------------------------------------------------------------------------------------------

@cython.final
cdef class Run(Loop):
    """One call of a program, in the shape of a loop."""

    cdef int report(self, int flags) except -1:
        return 0  # the caller asks which step raised what, when all that belongs to the call has run

    cdef list flags(self):
        """What each step raised, at all desks together."""
        cdef Desk* desk
        cdef int i, worker
        cdef list steps = [0] * self.program.code.n_steps
        for worker in range(self.n_desks):
            desk = <Desk*> (self.desks + worker * self.auxdata_step)
            for i in range(self.program.code.n_steps):
                if desk.flags[i]:
                    steps[i] |= desk.flags[i]
        return steps

    def __dealloc__(self):
        cdef Desk* desk
        cdef int i, worker
        for worker in range(self.n_desks):
            desk = <Desk*> (self.desks + worker * self.auxdata_step)
            for i in range(self.program.code.n_casts):
                caster_end(&desk.casters[i])
        free(self.desks)


cdef int fill_desk(Program program, Desk* desk, char* constants) except -1:
    cdef int i
    cdef Cast cast
    desk.constants = constants
    desk.watches_steps = program.may_raise  # a loop that has set an exception does not run again
    desk.casters = <Caster*> (desk + 1)
    desk.flags = <int*> (desk.casters + program.code.n_casts)
    for i, cast in enumerate(program.casts):
        caster_begin(&desk.casters[i], cast)
    return 0


cdef Run new_run(Program program):
    """A call of the program, to be seated before it runs."""
    cdef Run run = Run.__new__(Run)
    run.program = program
    run.dtypes = program.plan.dtypes
    run.nin = len(program.inputs)
    run.nout = len(program.outputs)
    run.may_raise = program.may_raise
    run.function = <StridedLoop*> <void*> run_program
    run.context = &program.code
    run.cost.store(program.cost.load(memory_order_relaxed), memory_order_relaxed)
    return run


cdef int seat_run(Run run, char* constants, int n_workers) except -1:
    """Make a desk for each worker; `constants` stay where they are until the call is over."""
    cdef Code* code = &run.program.code
    run.auxdata_step = rounded_up(sizeof(Desk) + code.n_casts * <npy_intp> sizeof(Caster) + code.n_steps * <npy_intp> sizeof(int), LINE)
    run.desks = <char*> allocate(n_workers, run.auxdata_step)
    run.auxdata = <AuxData*> run.desks
    while run.n_desks < n_workers:
        run.n_desks += 1  # from here on its iterators are freed with the run
        fill_desk(run.program, <Desk*> (run.desks + (run.n_desks - 1) * run.auxdata_step), constants)
    return 0
