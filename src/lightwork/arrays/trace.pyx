"""Tracing: what a function does to its arrays, written down as entries: loops, and the numbers of the values that they read and compute."""

import sys

import numpy as np

from lightwork._errors import FuseError

cimport cython
cimport numpy as cnp
from libc.stdlib cimport free, realloc

from lightwork._core.caster cimport CELL
from lightwork._core.loop cimport Loop, find_loop
from lightwork._core.masked cimport masked_loop
from lightwork._core.moves cimport copy_loop, select_loop
from lightwork._core.operands cimport would_overflow

cnp.import_array()

# What np.errstate sets; where it is not to be had, np.geterr tells the same in ten times the time.
cdef object errstate_variable = getattr(np._core.umath, "_extobj_contextvar", None)
cdef object current_errstate = np.geterr if errstate_variable is None else errstate_variable.get

cdef extern from "numpy/arrayobject.h":
    int PyArray_Pack(cnp.PyArray_Descr*, void*, object) except -1

cdef object memmap_type = np.memmap
cdef object scalar_type = np.generic


class Unfused(Exception):  # noqa: N818 - it is no error: NumPy does it instead
    """What a placeholder meets that only NumPy itself can do, or refuse in its own words."""


# --- Traces ---------------------------------------------------------------------------------------------------------

@cython.final
cdef class Value:
    """An array of the caller's, or what an entry computes."""


cdef class Reference:
    """What stands for a value."""


@cython.final
cdef class Trace:
    """One run of a function on placeholders. Belongs to the thread that made it."""

    def __cinit__(self):
        self.values = []
        self.entries = []
        self.names = []
        self.modes = []
        self.cells = {}
        self.inputs = {}
        self.models = {}
        self.kept = []
        self.is_uniform = True
        self.errstate = current_errstate()

    def __dealloc__(self):
        free(self.constants)

    cdef Value input(self, object array):
        """The value of an array, the same one each time."""
        cdef Value value
        found = self.inputs.get(id(array))
        if found is not None:
            return <Value> found
        value = new_value(native(array.dtype), array.shape)
        value.array = array
        self.inputs[id(array)] = value
        return value

    cdef int use(self, Value value) except -1:
        """The number of a value, which it gets when it is used first."""
        if value.number < 0:
            value.number = len(self.values)
            if self.values and self.is_uniform:
                self.is_uniform = (<Value> self.values[0]).shape == value.shape
            self.values.append(value)
        return value.number

    cdef int constant(self, object number, object dtype) except? 0:
        """A cell with the number as an item of the dtype; how entries call it."""
        key = (id(number), dtype)
        found = self.cells.get(key)
        if found is not None:
            return found
        if self.n_constants == self.capacity:
            self.grow()
        if not pack(number, dtype, self.constants + self.n_constants * CELL):
            raise self.give_up(f"NumPy has something to say about casting {number!r} to {dtype}")
        self.kept.append(number)  # so that nothing else gets its id
        self.n_constants += 1
        self.cells[key] = -self.n_constants
        return -self.n_constants

    cdef int grow(self) except -1:
        cdef int capacity = max(8, 2 * self.capacity)
        cdef char* larger = <char*> realloc(self.constants, capacity * CELL)
        if larger == NULL:
            raise MemoryError("no memory for the constants of a fused function")
        self.constants = larger
        self.capacity = capacity
        return 0

    cdef object refer(self, Value value):
        """A reference to a value."""
        cdef Reference made = self.kind.__new__(self.kind)
        made.trace = self
        made.value = value
        return made

    cdef object give_up(self, str why):
        """What is raised where NumPy has to do it."""
        return self.remember(Unfused(why))

    cdef object refuse(self, str what, str instead):
        """What is raised where no placeholder can do what an array can."""
        if self.is_over:
            return left_behind()
        return self.remember(FuseError(f"a fused function cannot {what}{where()}; {instead}"))

    cdef object take_obstacle(self):
        """What was remembered, to be raised or dropped: its traceback leads back to the trace, and each would keep the other and all arrays."""
        obstacle, self.obstacle = self.obstacle, None
        return obstacle

    cdef object remember(self, object obstacle):
        """The function may catch it and go on as it would not with arrays, so nothing that comes of it counts."""
        if self.obstacle is None and not self.is_over:
            self.obstacle = obstacle
        return obstacle


cdef object left_behind():
    """What is raised where a placeholder is used that somebody kept."""
    return FuseError(f"a placeholder is used{where()} whose fused function has returned; return what is needed afterwards, in a tuple, list or dict")


cdef Value new_value(object dtype, tuple shape):
    cdef Value value = Value.__new__(Value)
    value.dtype = dtype
    value.shape = shape
    value.number = -1
    return value


cdef inline object native(object dtype):
    return dtype if dtype.isnative else dtype.newbyteorder("=")


cdef bint pack(object number, object dtype, char* cell):
    """Write a number as NumPy would cast it; False where that would warn or raise."""
    if isinstance(number, (scalar_type, cnp.ndarray)):
        if not np.can_cast(number.dtype, dtype):
            return False
    elif type(number) is not int and would_overflow(number, dtype):
        return False
    try:
        PyArray_Pack(<cnp.PyArray_Descr*> dtype, cell, number)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


cdef str where():
    """`` (file.py:12, in f)`` of the innermost frame that is neither NumPy's nor ours."""
    frame = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("numpy", "lightwork"):
        frame = frame.f_back
    return "" if frame is None else f" ({frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name})"


# --- What is recorded -----------------------------------------------------------------------------------------------

cdef object operand_of(Trace trace, object operand):
    """A value, or what is a constant: a Python number, a NumPy scalar or a 0-d array."""
    if isinstance(operand, Reference):
        if (<Reference> operand).trace.is_over:
            raise trace.remember(left_behind())
        if (<Reference> operand).trace is not trace:
            raise trace.refuse("use what another call of it computed", "keep no placeholder, and compute what lasts outside")
        return (<Reference> operand).value
    if cnp.PyArray_CheckExact(operand):
        return trace.input(operand) if cnp.PyArray_NDIM(operand) else operand
    if type(operand) is float or type(operand) is int or type(operand) is complex or isinstance(operand, scalar_type):
        return operand
    if type(operand) is bool:
        return np.bool_(operand)
    if type(operand) is list or type(operand) is tuple:
        return operand_of(trace, np.asarray(operand))
    if type(operand) is memmap_type:
        array = operand.view(np.ndarray)
        trace.kept.append(array)
        return operand_of(trace, array)
    raise trace.give_up(f"an operand is a {type(operand).__name__}")


cdef inline object kind_of(object operand):
    """What NumPy's promotion needs of an operand: its dtype, or the type of a Python number, which is weak."""
    if type(operand) is Value:
        return (<Value> operand).dtype
    return operand.dtype if isinstance(operand, (scalar_type, cnp.ndarray)) else type(operand)


cdef tuple common_shape(Trace trace, list operands):
    cdef tuple shape = None
    for operand in operands:
        if type(operand) is Value:
            if shape is None:
                shape = (<Value> operand).shape
            elif shape is not (<Value> operand).shape and shape != (<Value> operand).shape:
                shape = broadcast(trace, shape, (<Value> operand).shape)
    return shape


cdef tuple broadcast(Trace trace, tuple a, tuple b):
    cdef list shape
    cdef Py_ssize_t i, n
    if len(a) < len(b):
        a, b = b, a
    shape = list(a)
    for i in range(len(b)):
        n = len(a) - len(b) + i
        if shape[n] == 1:
            shape[n] = b[i]
        elif b[i] != 1 and b[i] != shape[n]:
            raise trace.give_up(f"shapes {a} and {b} do not fit")
    return tuple(shape)


cdef int argument(Trace trace, object operand, object dtype) except? 0:
    return trace.use(<Value> operand) if type(operand) is Value else trace.constant(operand, dtype)


cdef list enter(Trace trace, Loop loop, list operands, tuple shape, str name):
    """Write an entry; the values that it computes."""
    cdef int i
    cdef tuple arguments = tuple([argument(trace, operands[i], loop.dtypes[i]) for i in range(loop.nin)])
    cdef list computed = [new_value(loop.dtypes[loop.nin + i], shape) for i in range(loop.nout)]
    errstate = current_errstate()
    trace.entries.append((loop, arguments, len(trace.values)))
    trace.names.append(name)
    trace.modes.append(None if errstate is trace.errstate or errstate == trace.errstate else (np.geterr(), np.geterrcall()))
    for value in computed:
        trace.use(value)
    return computed


cdef list record(Trace trace, object ufunc, tuple inputs, tuple outputs, object dtype, object mask):
    """A call of a ufunc, where `mask` has it: the values that it computes, which the references given as outputs then stand for."""
    cdef int i
    cdef Loop loop
    cdef list operands = [operand_of(trace, operand) for operand in inputs]
    cdef list kinds = []
    for operand in operands:
        kinds.append(kind_of(operand))
    for i in range(ufunc.nout):
        kinds.append(None if outputs is None or outputs[i] is None else (<Reference> outputs[i]).value.dtype)
    loop = find_loop(ufunc, dtype, tuple(kinds))
    if loop is None:
        raise trace.give_up(f"np.{ufunc.__name__} has no loop for these dtypes that runs without the GIL")
    if mask is not None:
        loop = mask_loop(trace, loop, operands, mask, outputs)
    shape = common_shape(trace, operands)
    if outputs is not None:
        shape = output_shape(trace, shape, outputs)
    computed = enter(trace, loop, operands, shape, loop.name)
    if outputs is not None:
        settle(trace, computed, outputs)
    return computed


cdef Loop mask_loop(Trace trace, Loop loop, list operands, object mask, tuple outputs):
    """The loop with a mask and what is there among its operands."""
    cdef Value there = (<Reference> outputs[0]).value
    condition = operand_of(trace, mask)
    masked = masked_loop(loop)
    if masked is None or there.dtype != loop.dtypes[loop.nin] or type(condition) is not Value or (<Value> condition).dtype != np.bool_:
        raise trace.give_up(f"np.{loop.name} is called with where= and casts, or several outputs")
    operands += [condition, there]
    return masked


cdef tuple output_shape(Trace trace, tuple shape, tuple outputs):
    """The shape of the outputs, which may be larger than that of the inputs."""
    cdef Reference output
    for given in outputs:
        if given is not None:
            output = given
            if shape is not None and broadcast(trace, shape, output.value.shape) != output.value.shape:
                raise trace.give_up("an output is too small")
            shape = output.value.shape
    return shape


cdef int settle(Trace trace, list computed, tuple outputs) except -1:
    """Let the references given as outputs stand for what was computed, in their own dtypes."""
    cdef Reference output
    cdef Value value
    for i, value in enumerate(computed):
        output = outputs[i]
        if output is None:
            continue
        if output.value.dtype != value.dtype:
            value = enter(trace, copy_loop(output.value.dtype), [value], value.shape, None)[0]
        trace.models[value.number] = output.value.number
        output.value = value
    return 0


cdef tuple own_outputs(Trace trace, str name, object out):
    """The references given as `out`; FuseError for anything that is not the function's own."""
    cdef Value value
    if not isinstance(out, tuple):
        out = (out,)
    for output in out:
        if isinstance(output, Reference) and (<Reference> output).value.array is None:
            value = operand_of(trace, output)
            if value.has_parts or value.whole is not None:
                raise trace.give_up("a part of an array is written to")
        elif output is not None:
            raise trace.refuse(f"write into an array that it did not compute, with np.{name}",
                               "give the result a name of its own (x = x + 1 instead of x += 1)")
    return <tuple> out


cdef Value select(Trace trace, object condition, object x, object y):
    """np.where(condition, x, y)."""
    cdef list operands = [operand_of(trace, operand) for operand in (condition, x, y)]
    dtype = np.result_type(*[(<Value> operand).dtype if type(operand) is Value else operand for operand in operands[1:]])
    loop = select_loop(dtype) if dtype.kind in "biufcmM" else None
    if loop is None:
        raise trace.give_up("np.where has no loop for these dtypes that runs without the GIL")
    return enter(trace, loop, operands, common_shape(trace, operands), "")[0]


cdef Value convert(Trace trace, object operand, object dtype, tuple shape):
    """A copy of the operand in another dtype, by astype's rules."""
    if trace.is_over:
        raise left_behind()
    loop = copy_loop(dtype) if dtype.kind in "biufcmM" and dtype.isnative else None
    if loop is None:
        raise trace.give_up(f"astype({dtype}) has no loop that runs without the GIL")
    return enter(trace, loop, [operand], shape, "cast")[0]


cdef Trace new_trace(object kind):
    """A trace whose references are of that class."""
    cdef Trace trace = Trace.__new__(Trace)
    trace.kind = kind
    return trace
