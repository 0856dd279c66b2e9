"""One call of a fused function: run it on placeholders, evaluate what came of it, and leave to NumPy what cannot be done so."""

import numpy as np

from lightwork.arrays.trace import Unfused

cimport cython
cimport numpy as cnp

from lightwork._core.moves cimport copy_loop
from lightwork.arrays.entries cimport enter
from lightwork.arrays.evaluation cimport Evaluation, new_evaluation
from lightwork.arrays.memory cimport Memory, count_items, signature
from lightwork.arrays.placeholder cimport Placeholder, new_input
from lightwork.arrays.returned cimport assemble, check_out, check_result, collect, outs_for, store
from lightwork.arrays.schedule cimport find_schedule
from lightwork.arrays.trace cimport Trace, Value, new_trace

cnp.import_array()

cdef object memmap_type = np.memmap
cdef object scalar_type = np.generic


cdef class TracedFunction:
    """
    A function of arrays whose calls are traced. No Python frame of ours lies between it and its caller, to whose line warnings point.

    Attributes
    ----------
    memory : Memory
    """

    cdef object function
    cdef readonly Memory memory

    def __init__(self, function):
        self.function = function
        self.memory = Memory()

    def __call__(self, *args, out=None, **kwargs):
        """
        Return what the function returns.

        Parameters
        ----------
        *args, **kwargs
            The function's.
        out : ndarray or tuple of ndarray, optional
            Where to write, in the shape of the result; it may be one of the arguments, or overlap one.

        Returns
        -------
        object
            `out` if it was given.
        """
        cdef Call call
        cdef tuple key = None if kwargs else signature(args)
        check_out(out)
        if key is not None and self.memory.is_small(key, count_items(args)):
            return call_plainly(self.function, args, kwargs, out)
        call = new_call()
        operands, keywords = call.placeholders(args, kwargs)
        if call.reason() is not None:
            return call_plainly(self.function, args, kwargs, out)
        try:
            result = call.evaluate(call.trace_call(self.function, operands, keywords), out)
        except Unfused:
            call.trace.take_obstacle()
            return call_plainly(self.function, args, kwargs, out)
        self.memory.learn(call.evaluation, len(call.trace.entries), key)
        return result


cdef class TracedMethod:
    """
    A traced function bound to an instance. As above, no Python frame lies between.

    Attributes
    ----------
    __func__ : TracedFunction
    __self__ : object
    """

    cdef readonly object __func__
    cdef readonly object __self__

    def __init__(self, function, instance):
        self.__func__ = function
        self.__self__ = instance

    def __call__(self, *args, out=None, **kwargs):
        """Call the function with the instance before all arguments."""
        return self.__func__(self.__self__, *args, out=out, **kwargs)


def call_reduced(fn, Memory memory, tuple args, dict kwargs, ufunc, choose):
    """
    Call a function of arrays and reduce what it returns, as far as that can be done without making an array of it.

    Parameters
    ----------
    fn : callable
    memory : Memory
    args, kwargs : tuple, dict
        What to call it with.
    ufunc : numpy.ufunc
        By which to reduce.
    choose : callable
        Is told the dtype of the result, and answers in which dtype parts of it may be reduced, and whether they are to be added in NumPy's
        order; None if only the whole will do.

    Returns
    -------
    tuple of (object, int)
        Parts of the result, to be reduced once more, and of how many items they are; or what `fn` returned, and -1.
    """
    cdef Call call
    cdef tuple key = None if kwargs else signature(args)
    if key is not None and memory.is_small(key, count_items(args)):
        return fn(*args), -1
    call = new_call()
    operands, keywords = call.placeholders(args, kwargs)
    if call.reason() is not None:
        return fn(*args, **kwargs), -1
    try:
        result = call.trace_call(fn, operands, keywords)
        parts, n_items = call.reduce(result, ufunc, choose)
        if parts is None:
            parts, n_items = call.evaluate(result, None), -1
    except Unfused:
        call.trace.take_obstacle()
        return fn(*args, **kwargs), -1
    memory.learn(call.evaluation, len(call.trace.entries), key)
    return parts, n_items


def schedule_of(fn, tuple args, dict kwargs):
    """
    Trace a call and run nothing.

    Parameters
    ----------
    fn : callable
    args, kwargs : tuple, dict

    Returns
    -------
    tuple of Stage, or str
        What would be run, or why NumPy would do it.
    """
    cdef dict wanted = {}
    cdef Call call = new_call()
    operands, keywords = call.placeholders(args, kwargs)
    if call.reason() is not None:
        return call.reason()
    try:
        collect(call.trace_call(fn, operands, keywords), wanted)
    except Unfused as reason:
        return str(reason)
    stages = find_schedule(call.trace, tuple(wanted)) if call.trace.entries else ()
    return "no program can do this" if stages is None else stages


cdef object call_plainly(object fn, tuple args, dict kwargs, object out):
    result = fn(*args, **kwargs)
    return result if out is None else store(result, out)


@cython.internal
@cython.final
cdef class Call:
    """The trace of one call, and what it was called with."""

    cdef Trace trace
    cdef Evaluation evaluation  # None: nothing had to be computed
    cdef bint is_nested    # in the trace of another fused function
    cdef bint has_arrays
    cdef object foreign    # the type of an argument that is a subclass of ndarray, or None

    cdef object reason(self):
        """Why the function is run on its arguments as they are; None if it is not."""
        if self.foreign is not None:
            return f"an argument is a {self.foreign.__name__}"
        if self.is_nested:
            return "an argument is part of what another fused function computes"
        return None if self.has_arrays else "no argument is an array of at least one dimension"

    cdef tuple placeholders(self, tuple args, dict kwargs):
        return (tuple([self.placeholder(argument) for argument in args]),
                {name: self.placeholder(argument) for name, argument in kwargs.items()} if kwargs else kwargs)

    cdef object placeholder(self, object argument):
        """A placeholder for an array; what is none the function sees as it is."""
        if type(argument) is Placeholder:
            self.is_nested = True
        if type(argument) is memmap_type:
            argument = argument.view(np.ndarray)
        if isinstance(argument, cnp.ndarray) and not cnp.PyArray_CheckExact(argument):
            self.foreign = type(argument)
        if not cnp.PyArray_CheckExact(argument) or cnp.PyArray_NDIM(argument) == 0:
            if isinstance(argument, (scalar_type, cnp.ndarray)):
                self.trace.has_scalars = True
            return argument
        self.has_arrays = True
        return new_input(self.trace, argument)

    cdef object trace_call(self, object fn, tuple operands, dict keywords):
        """What the function returns for placeholders."""
        try:
            result = fn(*operands, **keywords)
        except Exception as error:  # the function's own: NumPy may have something to say before it comes to that
            if self.trace.obstacle is None:
                raise Unfused(str(error)) from None
        if self.trace.obstacle is not None:
            raise self.trace.take_obstacle()
        check_result(self.trace, result)
        self.trace.is_over = True
        return result

    cdef object evaluate(self, object result, object out):
        cdef dict wanted = {}
        cdef dict arrays = {}
        collect(result, wanted)
        if self.trace.entries:
            self.evaluation = new_evaluation(self.trace)
            arrays = dict(zip(wanted, self.evaluation.run(wanted, outs_for(result, out))))
        result = assemble(result, arrays)
        return result if out is None else store(result, out)

    cdef tuple reduce(self, object result, object ufunc, object choose):
        """Parts and a number of items as call_reduced returns them, or None and -1."""
        cdef Value value
        if type(result) is not Placeholder or (<Placeholder> result).value.array is not None:
            return None, -1
        value = (<Placeholder> result).value
        choice = choose(value.dtype)
        if choice is None:
            return None, -1
        dtype, is_sum = choice
        if value.dtype != dtype:
            value = enter(self.trace, copy_loop(dtype), [value], value.shape, "")[0]
        self.evaluation = new_evaluation(self.trace)
        return self.evaluation.reduce(value, ufunc, is_sum), (<Placeholder> result).size


cdef Call new_call():
    cdef Call call = Call.__new__(Call)
    call.trace = new_trace(Placeholder)
    return call
