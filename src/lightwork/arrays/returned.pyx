"""What a fused function returned: which of it is to be computed, and where to; and that it holds nothing else of ours."""

import contextlib
from types import AsyncGeneratorType, CoroutineType, GeneratorType

import numpy as np

cimport numpy as cnp

from lightwork.arrays.placeholder cimport Placeholder
from lightwork.arrays.trace cimport Trace, Value

cnp.import_array()

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
