"""One call of a fused function: run it on placeholders, evaluate what came of it, and leave to NumPy what cannot be done so."""

import contextlib
from types import AsyncGeneratorType, CoroutineType, GeneratorType

import numpy as np

from lightwork.arrays.trace import Unfused

cimport cython
cimport numpy as cnp

from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.moves cimport copy_loop
from lightwork.arrays.evaluation cimport Evaluation, new_evaluation
from lightwork.arrays.schedule cimport find_schedule
from lightwork.arrays.placeholder cimport Placeholder, new_input
from lightwork.arrays.entries cimport enter
from lightwork.arrays.trace cimport Trace, Value, new_trace

cnp.import_array()

cdef object memmap_type = np.memmap
cdef object scalar_type = np.generic

cdef enum:
    # Measured: what a call costs before its first item, which has to be won back by a second worker or by temporaries that stay in the cache.
    CALL_NS = 5_000
    ENTRY_NS = 1_000           # for each ufunc that the function calls
    MIN_SMALL = 512            # items; fewer NumPy computes in any case,
    MAX_SMALL = 16384          # and more it does not: its temporaries leave the cache, and from 128 KiB on come new from the system
    MAX_SIGNATURES = 1024      # more than that is a program that makes up dtypes as it goes


@cython.final
cdef class Memory:
    """
    What a fused function remembers of its calls. Shared by all threads that call it, which is what dicts are for.

    Attributes
    ----------
    stages : tuple of Stage or None
        What was last run; None if nothing was.
    """

    cdef dict latest       # "stages"
    cdef dict lead         # by signature, how many items are computed in the time that a call takes before its first

    def __cinit__(self):
        self.latest = {}
        self.lead = {}

    @property
    def stages(self):
        """What was last run."""
        return (<object> self.latest).get("stages")

    cdef bint is_small(self, tuple key, Py_ssize_t n_items) except -1:
        """Whether NumPy itself is as quick with so many items; no for a signature of which nothing is known, or that computes nothing."""
        cdef double lead = (<object> self.lead).get(key, 0.0)  # by way of an object, as in loop.pyx
        cdef int n_workers
        if lead == 0 or n_items >= MAX_SMALL:
            return False
        if n_items < MIN_SMALL:
            return True
        n_workers = default_workers(home_pool())
        return n_items * (n_workers - 1) < lead * n_workers


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
        call.learn(self.memory, key)
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
    cdef tuple key = signature(args)
    if kwargs or memory.is_small(key, count_items(args)):
        return fn(*args, **kwargs), -1
    call = new_call()
    operands, _ = call.placeholders(args, kwargs)
    if call.reason() is not None:
        return fn(*args), -1
    try:
        result = call.trace_call(fn, operands, kwargs)
        parts, n_items = call.reduce(result, ufunc, choose)
        if parts is None:
            parts, n_items = call.evaluate(result, None), -1
    except Unfused:
        call.trace.take_obstacle()
        return fn(*args), -1
    call.learn(memory, key)
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


cdef tuple signature(tuple args):
    """The dtypes of arrays and the types of all else."""
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


cdef int check_out(object out) except -1:
    """Refuse, before anything runs, what nothing can be written to."""
    if out is None or isinstance(out, np.ndarray):
        return 0
    if not isinstance(out, tuple):
        raise TypeError(f"out must be an array, or a tuple of arrays for a function that returns several, not a {type(out).__name__}")
    for given in out:
        if given is not None and not isinstance(given, np.ndarray):
            raise TypeError(f"out must be a tuple of arrays or None, but there is a {type(given).__name__} in it")
    return 0


cdef tuple results_for(object result, tuple out):
    """What a function returned, one for each in `out`."""
    cdef tuple results = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    if len(results) != len(out):
        raise ValueError(f"out has {len(out)} arrays, but the function returns {len(results)}; give None for those that are to be new")
    return results


cdef object store(object result, object out):
    """Write a result where the caller wants it."""
    if isinstance(out, tuple):
        stored = [mine if given is None else store(mine, given) for mine, given in zip(results_for(result, out), out)]
        return tuple(stored) if isinstance(result, (tuple, list)) else stored[0]
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

    cdef int learn(self, Memory memory, tuple key) except -1:
        """Remember what was run, and what a call costs before its first item, in items."""
        cdef double lead = 0
        if self.evaluation is not None:
            memory.latest["stages"] = self.evaluation.stages
            if self.evaluation.ns_per_item == 0:
                return 0  # nothing was computed, of empty arrays
            lead = (CALL_NS + ENTRY_NS * len(self.trace.entries)) / self.evaluation.ns_per_item
        if key is not None:
            if len(memory.lead) >= MAX_SIGNATURES:
                memory.lead.clear()
            memory.lead[key] = lead
        return 0


cdef Call new_call():
    cdef Call call = Call.__new__(Call)
    call.trace = new_trace(Placeholder)
    return call


cdef dict outs_for(object result, object out):
    """Where values may be written, by number: not into memory that is written twice, in the order of the results."""
    cdef dict found = {}
    given = out if isinstance(out, tuple) else (out,)
    for i, (item, target) in enumerate(zip(result if isinstance(result, (tuple, list)) else (result,), given)):
        if type(item) is Placeholder and cnp.PyArray_CheckExact(target) and not is_met_by_another(given, i):
            found.setdefault((<Placeholder> item).value.number, target)
    return found


cdef bint is_met_by_another(tuple arrays, Py_ssize_t i):
    return any([j != i and array is not None and np.may_share_memory(arrays[i], array) for j, array in enumerate(arrays)])


cdef int collect(object result, dict wanted) except -1:
    """The computed values among what a function returned, by number."""
    cdef Value value
    if type(result) is Placeholder:
        value = (<Placeholder> result).value
        if value.whole is not None:
            wanted[value.whole.number] = value.whole
        elif value.array is None:
            wanted[value.number] = value
    elif is_sequence(result):
        for item in result:
            collect(item, wanted)
    elif type(result) is dict:
        collect(tuple(result.values()), wanted)
    return 0


cdef object assemble(object result, dict arrays):
    """What a function returned, with arrays in place of placeholders."""
    cdef Value value
    if type(result) is Placeholder:
        value = (<Placeholder> result).value
        if value.whole is not None:
            return getattr(arrays[value.whole.number], value.part)
        return arrays[value.number] if value.array is None else value.array
    if is_sequence(result):
        items = [assemble(item, arrays) for item in result]
        return type(result)._make(items) if is_named(result) else type(result)(items)
    if type(result) is dict:
        return {name: assemble(item, arrays) for name, item in result.items()}
    return result


cdef inline bint is_named(object result):
    """Whether this is a named tuple."""
    return isinstance(result, tuple) and hasattr(type(result), "_make")


cdef inline bint is_sequence(object result):
    """Whether there may be computed values inside, one after the other."""
    return type(result) is tuple or type(result) is list or is_named(result)


cdef int check_result(Trace trace, object result) except -1:
    """Refuse what would hand placeholders to the caller."""
    cdef str kind = type(result).__name__
    if isinstance(result, CoroutineType):
        with contextlib.suppress(Exception):
            result.close()  # or Python would warn that nobody awaits it
    if isinstance(result, (GeneratorType, CoroutineType, AsyncGeneratorType)):
        raise trace.refuse(f"be a {kind}", "return what it computes in a tuple or list")
    if any([type(item) is Placeholder for item in getattr(result, "__dict__", {}).values()]):
        raise trace.refuse(f"return a {kind} that holds what it computed", "return that in a tuple, list or dict, and make it outside")
    return 0
