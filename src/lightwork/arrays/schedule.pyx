"""Schedules: a trace is run in stages, each of them a program for one shape.

An array of few items that is broadcast is computed on as few items as NumPy computes it on, in a stage before those that read it. Schedules
are kept for as long as functions go on making the same traces.
"""

from lightwork._core.lowering import Entry, Recipe

cimport cython

from lightwork._core.cache cimport Cache
from lightwork._core.loop cimport MAX_OPERANDS
from lightwork._core.program cimport compile_program
from lightwork.arrays.trace cimport Trace, Value

# Stages by what traces say; None where they cannot be run without the GIL.
cdef Cache schedules = Cache.__new__(Cache, 1024)


@cython.final
cdef class Stage:
    """Entries of one shape, the values that they read and those that others read or the caller wants."""


cdef tuple find_schedule(Trace trace, tuple wanted):
    """The stages that compute the values of these numbers, in the order in which they can run; None if there is no way."""
    cdef Value value
    cdef list facts = [wanted, trace.n_constants]
    for value in trace.values:
        if value.array is not None:
            facts.append(value.dtype)
            facts.append(value.dtype.num)  # C's long and long long are equal dtypes
        if not trace.is_uniform:
            facts.append(value.shape)
    key = (tuple(trace.entries), tuple(facts))
    found = schedules.get(key)
    return schedules.keep(key, new_schedule(trace, wanted)) if found is ... else found


cdef tuple new_schedule(Trace trace, tuple wanted):
    cdef Value value
    cdef dict by_shape = {}
    for i, entry in enumerate(trace.entries):
        value = trace.values[entry[2]]
        by_shape.setdefault(value.shape, []).append(i)
    stages = [new_stage(trace, by_shape[shape]) for shape in sorted(by_shape, key=rank)]
    connect(trace, stages, wanted)
    for stage in stages:
        if not can_run(trace, stage):
            return None
    return tuple(stages)


cdef tuple rank(tuple shape):
    """Grows where a shape is broadcast to another: axes that are not 1, then all axes."""
    return len(shape) - shape.count(1), len(shape)


cdef Stage new_stage(Trace trace, list entries):
    cdef Stage stage = Stage.__new__(Stage)
    cdef dict read = {}
    cdef set computed = set()
    stage.entries = tuple(entries)
    for i in entries:
        loop, arguments, first = trace.entries[i]
        read.update([(argument, None) for argument in arguments if argument >= 0])
        computed.update(range(first, first + loop.nout))
    stage.inputs = tuple([number for number in read if number not in computed])
    stage.outputs = tuple(sorted(computed))
    return stage


cdef int connect(Trace trace, list stages, tuple wanted) except -1:
    """Leave each stage those outputs that somebody reads."""
    cdef Stage stage
    cdef set carried = set(wanted)
    for stage in stages:
        carried.update(stage.inputs)
    for stage in stages:
        stage.outputs = tuple([number for number in stage.outputs if number in carried])
    return 0


cdef bint can_run(Trace trace, Stage stage):
    """Compile it; False where it reads no array, or more than there is room for, or a cast needs the GIL."""
    if not stage.inputs or len(stage.inputs) + len(stage.outputs) > MAX_OPERANDS:
        return False
    entries = tuple([Entry(*trace.entries[i]) for i in stage.entries])
    dtypes = tuple([(<Value> trace.values[number]).dtype for number in stage.inputs])
    stage.program = compile_program(Recipe(entries, stage.inputs, stage.outputs, dtypes, trace.n_constants))
    return stage.program is not None
