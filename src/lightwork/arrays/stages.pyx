"""Evaluating a trace: a stage is what has one shape, and a program of its own.

An array of few items that is broadcast is computed on as few items as NumPy computes it on, in a stage before those that read it.
"""

import numpy as np

from lightwork._errors import Stopped
from lightwork._core.lowering import Entry, Recipe
from lightwork.arrays.layouts import corners, empty_in_order, is_c_like

cimport cython
cimport numpy as cnp

from lightwork._core.atomics cimport memory_order_relaxed
from lightwork._core.elementwise cimport run_elementwise
from lightwork._core.loop cimport MAX_OPERANDS, report_flags
from lightwork._core.operands cimport is_order_free
from lightwork._core.pool cimport default_workers, home_pool
from lightwork._core.program cimport Program, Run, compile_program, new_run, seat_run
from lightwork._core.sharing cimport heeds_this_thread, is_worth_sharing
from lightwork.arrays.trace cimport Trace, Value

cnp.import_array()

cdef enum:
    MAX_PROGRAMS = 1024  # more than that is a function that is another one at each call

# Programs by recipe; None where a cast needs the GIL.
cdef dict programs = {}
cdef object unknown = object()


@cython.final
cdef class Stage:
    """The entries of one shape, the values that they read and those that are wanted of them."""


cdef Stage new_stage(tuple shape, list entries):
    cdef Stage stage = Stage.__new__(Stage)
    stage.shape = shape
    stage.entries = entries
    stage.n_items = 1
    for n in shape:
        stage.n_items *= n
    return stage


cdef Program find_program(Trace trace, Stage stage, tuple inputs, tuple outputs):
    cdef Value value
    cdef list dtypes = []
    for number in inputs:
        value = trace.values[number]
        dtypes.append(value.dtype)
    whole = len(stage.entries) == len(trace.entries)
    entries = tuple(trace.entries) if whole else tuple([trace.entries[i] for i in stage.entries])
    key = (entries, inputs, outputs, tuple(dtypes), trace.n_constants)
    found = (<object> programs).get(key, unknown)  # by way of an object, as in loop.pyx
    if found is unknown:
        if len(programs) >= MAX_PROGRAMS:
            programs.clear()
        recipe = Recipe(tuple([Entry(*entry) for entry in entries]), *key[1:])
        found = (<object> programs).setdefault(key, compile_program(recipe))
    return found


cdef list stages_of(Trace trace, list wanted):
    """The stages in the order in which they can run, each with its inputs and outputs."""
    cdef Value value
    cdef dict by_shape = {}
    cdef list stages
    if trace.is_uniform:
        value = trace.values[0]
        stages = [new_stage(value.shape, list(range(len(trace.entries))))]
    else:
        for i, entry in enumerate(trace.entries):
            value = trace.values[entry[2]]
            by_shape.setdefault(value.shape, []).append(i)
        stages = [new_stage(shape, by_shape[shape]) for shape in sorted(by_shape, key=rank)]
    connect(trace, stages, wanted)
    return stages


cdef tuple rank(tuple shape):
    """Grows where a shape is broadcast to another: axes that are not 1, then all axes."""
    return len(shape) - shape.count(1), len(shape)


cdef int connect(Trace trace, list stages, list wanted) except -1:
    """Find out which values go from stage to stage."""
    cdef Stage stage
    cdef dict made_in = {}
    cdef set carried = set([value.number for value in wanted])
    cdef int i
    for stage in stages:
        read = {}
        for i in stage.entries:
            loop, arguments, first = trace.entries[i]
            for argument in arguments:
                if argument >= 0:
                    read[argument] = None
            for number in range(first, first + loop.nout):
                made_in[number] = stage
        stage.inputs = tuple([number for number in read if made_in.get(number) is not stage])
        carried.update(stage.inputs)
    for stage in stages:
        stage.outputs = tuple([number for number in made_in if made_in[number] is stage and number in carried])
    return 0


# --- Where outputs go -----------------------------------------------------------------------------------------------

cdef bint may_be_written(Program program, Value value, object out, list operands):
    """Whether a stage may write into an array of the caller's straight away."""
    if out.dtype != value.dtype or out.shape != value.shape or not out.flags.writeable or not is_order_free([out]):
        return False
    if program.may_raise:
        return False  # what has been written then must not be what NumPy reads when it does all again
    return program.writes_last or not any([np.may_share_memory(out, operand) for operand in operands])


cdef bint is_in_c_order(Trace trace):
    cdef Value value
    for value in trace.values:
        if value.array is not None and not is_c_like(value.array):
            return False
    return True


cdef bint is_plain(Trace trace):
    """Whether all arrays have one shape and one order, which is then that of all that is computed."""
    cdef Value value
    cdef bint c = True, fortran = True
    if not trace.is_uniform:
        return False
    for value in trace.values:
        if value.array is not None and len(value.shape) > 1:
            c = c and cnp.PyArray_IS_C_CONTIGUOUS(value.array)
            fortran = fortran and cnp.PyArray_IS_F_CONTIGUOUS(value.array)
    return c or (fortran and not trace.is_reordered)


cdef object new_output(Value value, list corners):
    return np.empty(value.shape, value.dtype) if corners is None else empty_in_order(value.shape, value.dtype, corners[value.number])


# --- Running --------------------------------------------------------------------------------------------------------

@cython.final
cdef class Evaluation:
    """The values of one trace, as they are computed."""

    cdef list run(self, list wanted, list outs, int n_workers):
        """The arrays of the values that are wanted, in `outs` where one is given and can be written to at once."""
        cdef Trace trace = self.trace
        cdef Stage stage
        cdef Value value
        self.n_workers = n_workers if n_workers > 0 else default_workers(home_pool())
        self.arrays = {}
        self.stages = stages_of(trace, wanted)
        self.outs = {value.number: out for value, out in zip(wanted, outs) if out is not None}
        self.is_plain = is_plain(trace)
        self.corners = None if self.is_plain or is_in_c_order(trace) else corners(trace)
        for stage in self.stages:
            self.run_stage(stage)
        self.report()
        return [self.arrays[value.number] for value in wanted]

    cdef int run_stage(self, Stage stage) except -1:
        cdef Program program = find_program(self.trace, stage, stage.inputs, stage.outputs)
        cdef Run run
        cdef list operands = [self.array(number) for number in stage.inputs]
        if program is None or not operands or len(operands) + len(stage.outputs) > MAX_OPERANDS:
            raise self.trace.give_up("no program does this")
        outputs = [self.output(program, self.trace.values[number], operands) for number in stage.outputs]
        run = stage.run = new_run(program)
        if stage.n_items:
            outputs = self.share(stage, run, operands, outputs)
        elif self.is_plain:
            outputs = [new_output(self.trace.values[number], None) for number in stage.outputs]
        self.arrays.update(zip(stage.outputs, outputs))
        return 0

    cdef list share(self, Stage stage, Run run, list operands, list outputs):
        cdef int n_workers = self.n_workers
        if heeds_this_thread(run):
            raise self.trace.give_up("scipy.special has an errstate of its own")
        if not is_worth_sharing(run, stage.n_items, n_workers):
            n_workers = 1
        seat_run(run, self.trace.constants, n_workers)
        try:
            filled = run_elementwise(run, operands, outputs, stage.n_items, 0, n_workers)
        except (Stopped, MemoryError):
            raise
        except Exception:  # a loop refuses an item: NumPy has things to say before that
            raise self.trace.give_up("a loop raised an exception") from None
        if filled is None:
            raise self.trace.give_up("NumPy's iterator needs the GIL")
        run.program.cost.store(run.cost.load(memory_order_relaxed), memory_order_relaxed)
        return filled

    cdef object array(self, int number):
        cdef Value value = self.trace.values[number]
        return self.arrays[number] if value.array is None else value.array

    cdef object output(self, Program program, Value value, list operands):
        """Where a stage is to write a value: None where that follows from its operands."""
        out = self.outs.get(value.number)
        if out is not None and may_be_written(program, value, out, operands):
            return out
        return None if self.is_plain else new_output(value, self.corners)

    cdef int report(self) except -1:
        """Tell the caller which ufuncs raised floating-point flags, in the order in which the function called them."""
        cdef Stage stage
        cdef dict raised = {}
        for stage in self.stages:
            steps = stage.run.flags()
            if any(steps):
                for i, source in zip(stage.entries, stage.run.program.plan.sources):
                    before, within = casts_of(self.trace, self.trace.entries[i], [steps[step] for step in source.casts])
                    raised[i] = (before, within if source.loop is None else within | steps[source.loop])
        if raised:
            report_entries(self.trace, raised)
        return 0


cdef tuple casts_of(Trace trace, tuple entry, list raised):
    """What the casts of an entry's inputs raised: in NumPy some come before its loop, and others within."""
    cdef Value value
    cdef int before = 0, within = 0
    loop, arguments, _ = entry
    flags = iter(raised)
    for argument, dtype in zip(arguments, loop.dtypes):
        if argument >= 0:
            value = trace.values[argument]
            if value.dtype == dtype:
                continue
            if len(value.shape) == 1 and value.shape[0] <= np.getbufsize():
                before |= next(flags)
            else:
                within |= next(flags)
    return before, within


cdef int report_entries(Trace trace, dict raised) except -1:
    cdef int i, flags = 0
    cdef int n_entries = len(trace.entries)
    cdef str name = ""
    for i in range(n_entries):
        before, within = raised.get(i, (0, 0))
        if trace.names[i] is not None:
            name = trace.names[i]
            flags = 0
        flags |= within
        if name:
            tell(trace, i, "cast", before)
        if i + 1 == n_entries or trace.names[i + 1] is not None:
            tell(trace, i, name, flags)
    return 0


cdef int tell(Trace trace, int i, str name, int flags) except -1:
    """Say it as np.errstate had it at that call."""
    if not flags or not name:
        return 0
    if trace.modes[i] is None:
        return report_flags(name, flags)
    errors, call = trace.modes[i]
    with np.errstate(call=call, **errors):
        report_flags(name, flags)
    return 0


cdef Evaluation new_evaluation(Trace trace):
    cdef Evaluation evaluation = Evaluation.__new__(Evaluation)
    evaluation.trace = trace
    return evaluation
