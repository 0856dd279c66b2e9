"""Entries of a trace: calls of ufuncs, choices and casts, as loops over values and constants."""

import numpy as np

cimport numpy as cnp

from lightwork._core.loop cimport Loop, find_loop, forgets_casts, minds_place
from lightwork._core.masked cimport masked_loop
from lightwork._core.moves cimport copy_loop, select_loop
from lightwork.arrays.trace cimport Reference, Trace, Value, current_errstate, left_behind, new_value

cnp.import_array()

cdef object memmap_type = np.memmap
cdef object scalar_type = np.generic


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
    if loop.may_raise and ufunc is np.power and trace.has_scalars:
        raise trace.give_up("an integer power may raise, and then NumPy would warn of nothing that comes after it")
    if outputs is not None and forgets_casts(loop, kinds[ufunc.nin:]):
        raise trace.give_up(f"np.{ufunc.__name__} clears what floating-point errors its casts raise, but for the last of NumPy's buffers")
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
    masked = None if minds_place(loop) else masked_loop(loop)
    if masked is None or there.dtype != loop.dtypes[loop.nin] or type(condition) is not Value or (<Value> condition).dtype != np.bool_:
        raise trace.give_up(f"np.{loop.name} is called with where= and casts, or several outputs, or chooses between zeros by their places")
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
        if output.value.dtype != value.dtype or output.value.dtype.num != value.dtype.num:  # C's long and long long are equal dtypes
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
        elif is_read_only(output):
            raise trace.give_up("an array that is read-only is written to")
        elif output is not None:
            raise trace.refuse(f"write into an array that it did not compute, with np.{name}",
                               "give the result a name of its own (x = x + 1 instead of x += 1)")
    return <tuple> out


cdef bint is_read_only(object output):
    """Whether it is an array, or stands for one, of which NumPy says that it cannot be written to."""
    array = (<Reference> output).value.array if isinstance(output, Reference) else output
    return isinstance(array, cnp.ndarray) and not cnp.PyArray_ISWRITEABLE(<cnp.ndarray> array)


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
