"""One call of a fused function: run it on placeholders, evaluate what came of it, and leave to NumPy what cannot be done so."""

import numpy as np

from lightwork._errors import FuseError
from lightwork.arrays.trace import Unfused

cimport cython
cimport numpy as cnp

from lightwork.arrays.evaluation cimport new_evaluation
from lightwork.arrays.placeholder cimport Placeholder, new_input
from lightwork.arrays.trace cimport Trace, Value, new_trace

cnp.import_array()

cdef enum:
    SMALL = 4096  # items


def call_traced(fn, set known, tuple args, dict kwargs, object out):
    """
    Call a function of arrays in one pass over them.

    Parameters
    ----------
    fn : callable
    known : set
        The signatures, dtypes of arrays and types of all else, that were traced before. Of these NumPy itself computes small arrays.
    args, kwargs : tuple, dict
        What to call it with.
    out : ndarray, tuple of ndarray or None
        Where to write.

    Returns
    -------
    object
        What ``fn(*args, **kwargs)`` returns.
    """
    cdef Call call
    cdef object key = None if kwargs else signature(args)
    if key is not None and key in known and count_items(args) < SMALL:
        return call_plainly(fn, args, kwargs, out)
    call = Call.__new__(Call)
    call.trace = new_trace(Placeholder)
    operands, keywords = call.placeholders(args, kwargs)
    if call.is_nested or not call.has_arrays:
        return call_plainly(fn, args, kwargs, out)
    try:
        result = call.run(fn, operands, keywords, out)
    except Unfused:
        return call_plainly(fn, args, kwargs, out)
    if key is not None:
        known.add(key)
    return result


cdef tuple signature(tuple args):
    """The dtypes of arrays and the types of all else; None stands for what no program would be made for."""
    cdef list kinds = []
    for argument in args:
        kinds.append(<object> cnp.PyArray_DESCR(argument) if cnp.PyArray_CheckExact(argument) else type(argument))
    return tuple(kinds)


cdef Py_ssize_t count_items(tuple args):
    """Items of the largest array."""
    cdef Py_ssize_t n_items = 0
    for argument in args:
        if cnp.PyArray_CheckExact(argument):
            n_items = max(n_items, cnp.PyArray_SIZE(argument))
    return n_items


cdef object call_plainly(object fn, tuple args, dict kwargs, object out):
    result = fn(*args, **kwargs)
    return result if out is None else store(result, out)


cdef object store(object result, object out):
    """Write a result where the caller wants it."""
    if isinstance(out, tuple):
        return tuple([mine if given is None else store(mine, given) for mine, given in zip(result, out, strict=True)])
    if result is out:
        return out
    if np.shape(result) != out.shape:
        raise ValueError(f"out has shape {out.shape}, but the result has shape {np.shape(result)}")
    np.copyto(out, result, casting="same_kind")
    return out


@cython.internal
@cython.final
cdef class Call:
    """The trace of one call, and what it was called with."""

    cdef Trace trace
    cdef bint is_nested    # in the trace of another fused function
    cdef bint has_arrays

    cdef tuple placeholders(self, tuple args, dict kwargs):
        return (tuple([self.placeholder(argument) for argument in args]),
                {name: self.placeholder(argument) for name, argument in kwargs.items()} if kwargs else kwargs)

    cdef object placeholder(self, object argument):
        """A placeholder for an array; what is none the function sees as it is."""
        if type(argument) is Placeholder:
            self.is_nested = True
        if not cnp.PyArray_CheckExact(argument) or cnp.PyArray_NDIM(argument) == 0:
            return argument
        self.has_arrays = True
        return new_input(self.trace, argument)

    cdef object run(self, object fn, tuple operands, dict keywords, object out):
        try:
            result = fn(*operands, **keywords)
        except Exception as error:  # the function's own: NumPy may have something to say before it comes to that
            self.trace.remember(Unfused(str(error)))
        if self.trace.obstacle is not None:
            raise self.trace.obstacle
        return self.evaluate(result, out)

    cdef object evaluate(self, object result, object out):
        cdef dict wanted = {}
        cdef dict arrays = {}
        collect(result, wanted)
        if self.trace.entries:
            arrays = dict(zip(wanted, new_evaluation(self.trace).run(wanted, outs_for(result, out))))
        result = assemble(result, arrays)
        return result if out is None else store(result, out)


cdef dict outs_for(object result, object out):
    """Where values may be written, by number."""
    cdef dict found = {}
    given = out if isinstance(out, tuple) else (out,)
    for item, target in zip(result if isinstance(result, (tuple, list)) else (result,), given):
        if type(item) is Placeholder and cnp.PyArray_CheckExact(target):
            found.setdefault((<Placeholder> item).value.number, target)
    return found


cdef int collect(object result, dict wanted) except -1:
    """The computed values among what a function returned, by number."""
    cdef Value value
    if type(result) is Placeholder:
        value = (<Placeholder> result).value
        if value.whole is not None:
            wanted[value.whole.number] = value.whole
        elif value.array is None:
            wanted[value.number] = value
    elif type(result) is tuple or type(result) is list:
        for item in result:
            collect(item, wanted)
    return 0


cdef object assemble(object result, dict arrays):
    """What a function returned, with arrays in place of placeholders."""
    cdef Value value
    if type(result) is Placeholder:
        value = (<Placeholder> result).value
        if value.whole is not None:
            return getattr(arrays[value.whole.number], value.part)
        return arrays[value.number] if value.array is None else value.array
    if type(result) is tuple or type(result) is list:
        return type(result)([assemble(item, arrays) for item in result])
    return result
