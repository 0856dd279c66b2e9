"""Programs: the steps of a fused function, compiled once and never changed."""

from lightwork._core.lowering import lower

cimport cython
from libc.stdlib cimport calloc, free

from lightwork._core.atomics cimport memory_order_relaxed
from lightwork._core.caster cimport CELL, new_cast
from lightwork._core.loop cimport Loop, clears_flags, npy_intp
from lightwork._core.moves cimport copy_loop

cdef enum:
    # Measured: a step costs 13 ns before its first item; and blocks that take more of the first-level cache (32 KiB) drive out of it what is
    # fetched ahead for the next: nine steps over 10⁷ doubles took 2.3 ns an item in blocks of all of it, and 2.0 in these.
    BLOCK_BYTES = 8192     # of all operands and temporaries together
    MIN_BLOCK = 256
    MAX_BLOCK = 4096
    FIRST_FS = 1_000_000   # what an item costs in a step, before the first measurement


@cython.final
cdef class Program:
    """
    Steps, compiled. Immutable but for what was learned of their cost, and shared by all threads.

    Attributes
    ----------
    recipe : Recipe
    plan : Plan
    inputs, outputs : tuple of int
        The values that it reads and leaves behind, by their numbers in the recipe.
    block : int
        Items that go through all steps before the next ones do.
    """

    @property
    def block(self):
        """Items that go through all steps before the next ones do."""
        return self.code.block

    def __dealloc__(self):
        free(self.code.steps)
        free(self.code.slots)
        free(self.code.itemsizes)
        free(self.code.zeros)


cdef void* allocate(size_t n_items, size_t itemsize) except NULL:
    cdef void* memory = calloc(max(n_items, 1), itemsize)
    if memory == NULL:
        raise MemoryError("no memory for a fused function")
    return memory


cdef int fill_slots(Code* code, object plan, Py_ssize_t n_inputs, Py_ssize_t n_constants) except -1:
    """Where operands are: sizes of the tables, and the length of a block."""
    cdef int i
    casts = [step.dtypes[0].itemsize for step in plan.steps if step.loop is None]
    temporaries = [*plan.temporaries, max(casts, default=0)]  # the last is where a cast finds items that do not lie side by side
    code.n_inputs = n_inputs
    code.n_operands = len(plan.dtypes)
    code.n_constants = n_constants
    code.n_temporaries = len(temporaries)
    code.n_slots = code.n_operands + code.n_constants + code.n_temporaries
    code.itemsizes = <npy_intp*> allocate(len(temporaries), sizeof(npy_intp))
    for i in range(code.n_temporaries):
        code.itemsizes[i] = temporaries[i]
    width = sum(temporaries) + sum([dtype.itemsize for dtype in plan.dtypes])
    code.block = min(max(rounded_up(BLOCK_BYTES // width, LINE), MIN_BLOCK), MAX_BLOCK)
    code.table = rounded_up(code.n_slots * <npy_intp> (sizeof(char*) + sizeof(npy_intp)), LINE)
    code.scratch = code.table + code.block * <npy_intp> sum(temporaries)
    code.zeros = <char*> allocate(code.block, CELL)
    return 0


cdef int fill_step(Step* step, object planned, int first) except -1:
    cdef Loop loop = copy_loop(planned.dtypes[0]) if planned.loop is None else planned.loop
    step.function = loop.function
    step.context = loop.context
    step.auxdata = loop.auxdata
    step.n_operands = len(planned.slots)
    step.first = first
    step.cast = -1
    step.itemsize = planned.dtypes[0].itemsize
    step.clears_flags = planned.loop is None or loop.may_raise or clears_flags(loop)
    return 0


cdef int fill_steps(Program program, object plan) except -1:
    cdef Code* code = &program.code
    cdef int i, j, n_slots = 0
    cdef Loop loop
    code.n_steps = len(plan.steps)
    code.steps = <Step*> allocate(code.n_steps, sizeof(Step))
    code.slots = <int*> allocate(sum([len(step.slots) for step in plan.steps]), sizeof(int))
    for i, step in enumerate(plan.steps):
        fill_step(&code.steps[i], step, n_slots)
        for j in range(len(step.slots)):
            code.slots[n_slots + j] = step.slots[j]
        n_slots += len(step.slots)
        loop = step.loop
        if loop is None:
            code.steps[i].cast = code.n_casts
            code.n_casts += 1
            program.casts.append(new_cast(step.dtypes[0], step.dtypes[1], code.block))
        elif loop.may_raise:
            program.may_raise = True
    return 0


cdef Program compile_program(object recipe):
    """Compile a recipe; None where a cast needs the GIL."""
    cdef Program program = Program.__new__(Program)
    plan = lower(recipe)
    program.recipe = recipe
    program.plan = plan
    program.inputs = recipe.inputs
    program.outputs = recipe.outputs
    program.casts = []
    fill_slots(&program.code, plan, len(recipe.inputs), recipe.n_constants)
    fill_steps(program, plan)
    program.cost.store(len(plan.steps) * FIRST_FS, memory_order_relaxed)
    last = plan.steps[len(plan.steps) - 1].slots if plan.steps else ()
    program.writes_last = len(recipe.outputs) == 1 and last[len(last) - 1] == len(recipe.inputs)
    return None if None in program.casts else program
