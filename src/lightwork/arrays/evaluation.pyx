"""Evaluations: the stages of one trace, run one after the other over the caller's arrays.

What a stage computes is in the memory order in which NumPy would leave it, and floating-point warnings name the ufuncs, in the order of their calls.
"""

import numpy as np

from lightwork._errors import Stopped
from lightwork.arrays.layouts import corners, empty_in_order, is_c_like

cimport cython
cimport numpy as cnp

from lightwork._core.atomics cimport memory_order_relaxed
from lightwork._core.elementwise cimport run_elementwise
from lightwork._core.flags cimport report_flags
from lightwork._core.harvest cimport harvest, is_harvestable
from lightwork._core.loop cimport Loop, loop_ns_per_item, minds_place
from lightwork._core.operands cimport is_order_free
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.program cimport Program
from lightwork._core.reduction cimport find_reduction
from lightwork._core.run cimport Run, new_run, seat_run
from lightwork._core.sharing cimport heeds_this_thread, is_worth_sharing
from lightwork.arrays.schedule cimport Stage, find_schedule
from lightwork.arrays.trace cimport Trace, Value

cnp.import_array()

# --- Where outputs go -----------------------------------------------------------------------------------------------

cdef bint lies_in_rows(cnp.ndarray array):
    """Whether items of the innermost axis lie side by side and no axis is walked backwards, as in an array that NumPy makes for a result: into
    others some loops write other bits, and on some processors NumPy's ``isnan`` and its like wrong ones."""
    cdef int i
    cdef bint is_compact = array.size < 2
    for i in range(array.ndim):
        if array.shape[i] > 1:
            if array.strides[i] < 0:
                return False
            is_compact = is_compact or array.strides[i] == array.itemsize
    return is_compact


cdef bint may_be_written(Program program, Value value, object out, list operands):
    """Whether a stage may write into an array of the caller's straight away."""
    if not lies_in_rows(out) or out.dtype != value.dtype or out.shape != value.shape or not out.flags.writeable or not is_order_free([out]):
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


cdef Py_ssize_t count_items(tuple shape):
    cdef Py_ssize_t n_items = 1
    for n in shape:
        n_items *= n
    return n_items


cdef object new_output(Value value, list models):
    return np.empty(value.shape, value.dtype) if models is None else empty_in_order(value.shape, value.dtype, models[value.number])


# --- In which order items are met -----------------------------------------------------------------------------------

# Of which every loop gives the same for an item, however far apart in memory its neighbours are: what IEEE 754 rounds once, or not at all.
cdef frozenset rounded_once = frozenset([
    np.add, np.subtract, np.multiply, np.divide, np.negative, np.positive, np.square, np.absolute, np.fabs, np.sqrt,
    np.floor, np.ceil, np.trunc, np.rint,
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.isnan, np.isinf, np.isfinite, np.signbit, np.copysign, np.copy, np.where, np.real, np.imag,
])


cdef bint lie_alike(Trace trace, Stage stage):
    """Whether the caller's arrays of the stage's shape have their axes in one order in memory, and none of the caller's is walked backwards
    along one of several axes: NumPy turns such an axis round where it can, for all arrays of the call at once."""
    cdef Value value
    cdef tuple shape = (<Value> trace.values[trace.entries[stage.entries[0]][2]]).shape
    cdef set layouts = set()
    for number in stage.inputs:
        value = trace.values[number]
        if value.array is None:
            continue
        strides = [stride for stride, n in zip(value.array.strides, value.shape) if n > 1]
        if len(shape) > 1 and any([stride < 0 for stride in strides]):
            return False
        if value.shape == shape:
            layouts.add(tuple(sorted(range(len(strides)), key=lambda axis: -abs(strides[axis]))))
    return len(layouts) < 2


cdef bint minds_strides(Trace trace, Stage stage):
    """Whether a loop may have other bits for an item where items lie apart, as NumPy's own for vectors have."""
    for i in stage.entries:
        loop = trace.entries[i][0]
        if loop.fn not in rounded_once or any([dtype.kind == "c" for dtype in loop.dtypes]):
            return True
    return False


cdef bint minds_places(Trace trace, Stage stage):
    """Whether an item may have other bits where a loop's call begins and ends elsewhere."""
    for i in stage.entries:
        if minds_place(trace.entries[i][0]):
            return True
    return False


# --- Running --------------------------------------------------------------------------------------------------------

@cython.final
cdef class Evaluation:
    """The values of one trace, as they are computed."""

    cdef list run(self, dict wanted, dict outs):
        """The arrays of the values that are wanted, by number, in `outs` where there is one that can be written to at once."""
        cdef Stage stage
        self.prepare(tuple(wanted), outs)
        for stage in self.stages:
            self.run_stage(stage)
        self.report()
        return [self.arrays[number] for number in wanted]

    cdef cnp.ndarray reduce(self, Value value, object ufunc, bint is_sum):
        """
        Parts of a value's reduction by a ufunc, to be reduced once more, of which a sum leaves one; None where only the whole value will do.

        It is the last thing to be computed, and nothing has been when None is returned.
        """
        cdef Loop reduction = find_reduction(ufunc, value.dtype, value.dtype)
        cdef Stage stage
        cdef int flags = 0
        if reduction is None or reduction.dtypes[0] != value.dtype:
            return None
        self.prepare((value.number,), {})
        stage = self.stages[len(self.stages) - 1]
        if stage.outputs != (value.number,) or not self.is_plain or count_items(value.shape) < 2:
            return None
        cdef list operands = [self.array(number) for number in stage.inputs]
        cdef Run run = new_run(stage.program)
        if not is_harvestable(run, operands, count_items(value.shape)):
            return None
        self.runs.append(run)
        parts = harvest(run, operands, reduction, is_sum, count_items(value.shape), self.seat(stage, run, count_items(value.shape)), &flags)
        self.learn(stage, run)
        self.report()
        report_flags("reduce", flags)
        return parts

    cdef int prepare(self, tuple wanted, dict outs) except -1:
        """Find out what is to be done."""
        cdef Stage stage
        self.stages = find_schedule(self.trace, wanted)
        if self.stages is None:
            raise self.trace.give_up("no program does this")
        self.n_workers = default_workers(home_pool())
        self.runs = []
        self.arrays = {}
        self.outs = outs
        self.is_plain = is_plain(self.trace)
        for stage in () if self.is_plain else self.stages:
            if minds_places(self.trace, stage):
                raise self.trace.give_up("np.fmin and np.fmax choose between zeros by their places, which only a plain walk over memory keeps")
            if minds_strides(self.trace, stage) and not lie_alike(self.trace, stage):
                raise self.trace.give_up("arrays lie in memory in different orders, in each of which NumPy's loops may round otherwise")
        self.corners = None if self.is_plain or is_in_c_order(self.trace) else corners(self.trace)
        return 0

    cdef int run_stage(self, Stage stage) except -1:
        cdef Run run = new_run(stage.program)
        cdef Value first = self.trace.values[self.trace.entries[stage.entries[0]][2]]
        cdef list operands = [self.array(number) for number in stage.inputs]
        cdef list outputs = [self.output(stage, self.trace.values[number], operands) for number in stage.outputs]
        cdef Py_ssize_t n_items = count_items(first.shape)
        self.runs.append(run)
        if n_items:
            outputs = self.share(stage, run, operands, outputs, n_items)
        elif self.is_plain:
            outputs = [new_output(self.trace.values[number], None) for number in stage.outputs]
        self.arrays.update(zip(stage.outputs, outputs))
        return 0

    cdef list share(self, Stage stage, Run run, list operands, list outputs, Py_ssize_t n_items):
        cdef int n_workers = self.seat(stage, run, n_items)
        try:
            filled = run_elementwise(run, operands, outputs, n_items, 0, n_workers)
        except (Stopped, MemoryError):
            raise
        except Exception:  # a loop refuses an item: NumPy has things to say before that
            raise self.trace.give_up("a loop raised an exception") from None
        if filled is None:
            raise self.trace.give_up("NumPy's iterator needs the GIL")
        self.learn(stage, run)
        return filled

    cdef int seat(self, Stage stage, Run run, Py_ssize_t n_items) except -1:
        """Prepare a run for as many workers as are worth it."""
        cdef int n_workers = self.n_workers
        if heeds_this_thread(run):
            raise self.trace.give_up("scipy.special has an errstate of its own")
        if not is_worth_sharing(run, n_items, n_workers):
            n_workers = 1
        seat_run(run, self.trace.constants, n_workers)
        return n_workers

    cdef int learn(self, Stage stage, Run run) except -1:
        """Keep what an item was seen to cost."""
        self.ns_per_item = loop_ns_per_item(run)
        stage.program.cost.store(run.cost.load(memory_order_relaxed), memory_order_relaxed)
        return 0

    cdef object array(self, int number):
        cdef Value value = self.trace.values[number]
        return self.arrays[number] if value.array is None else value.array

    cdef object output(self, Stage stage, Value value, list operands):
        """Where a stage is to write a value: None where that follows from its operands."""
        out = self.outs.get(value.number)
        if out is not None and not self.is_read_elsewhere(out) and may_be_written(stage.program, value, out, operands):
            return out
        return None if self.is_plain else new_output(value, self.corners)

    cdef bint is_read_elsewhere(self, object out):
        """Whether another stage than the one that is to write it may read this memory."""
        cdef Value value
        if len(self.stages) > 1:
            for value in self.trace.values:
                if value.array is not None and np.may_share_memory(out, value.array):
                    return True
        return False

    cdef int report(self) except -1:
        """Tell the caller which ufuncs raised floating-point flags, in the order in which the function called them."""
        cdef Stage stage
        cdef Run run
        cdef dict raised = {}
        for stage, run in zip(self.stages, self.runs):
            steps = run.flags()
            if any(steps):
                for i, source in zip(stage.entries, run.program.plan.sources):
                    before, within = casts_of(self.trace, self.trace.entries[i], [steps[step] for step in source.casts])
                    raised[i] = (before, within if source.loop is None else within | steps[source.loop])
        if raised:
            report_entries(self.trace, raised)
        return 0


cdef tuple casts_of(Trace trace, tuple entry, list raised):
    """What the casts of an entry's inputs raised: in NumPy those of short arrays of one dimension come before its loop and are told of one by one,
    up to the first array that cannot be had so, and all others within."""
    cdef Value value
    cdef list before = []
    cdef int within = 0
    cdef bint is_within = False, is_cast
    loop, arguments, _ = entry
    flags = iter(raised)
    for argument, dtype in zip(arguments, loop.dtypes):
        if argument < 0:
            continue
        value = trace.values[argument]
        is_cast = value.dtype != dtype
        if not is_cast and (value.array is None or cnp.PyArray_ISALIGNED(value.array)):
            continue
        is_within = is_within or len(value.shape) != 1 or value.shape[0] > np.getbufsize()
        if is_cast and is_within:
            within |= next(flags)
        elif is_cast:
            before.append(next(flags))
    return before, within


cdef int report_entries(Trace trace, dict raised) except -1:
    cdef int i, cast, flags = 0
    cdef int n_entries = len(trace.entries)
    cdef str name = ""
    for i in range(n_entries):
        before, within = raised.get(i, ((), 0))
        if trace.names[i] is not None:
            name = trace.names[i]
            flags = 0
        flags |= within
        for cast in before:
            tell(trace, i, "cast" if name else "", cast)
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
