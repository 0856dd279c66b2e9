"""``chunked_map``: which kind of function it is given, and what NumPy itself has to do."""

from operator import index

import numpy as np

cimport numpy as cnp
from cpython.pyport cimport PY_SSIZE_T_MAX

from lightwork._core.atomics cimport int64_t, now_ns
from lightwork._core.cfunction cimport find_c_loop
from lightwork._core.elementwise cimport run_elementwise
from lightwork._core.loop cimport Loop, find_ufunc_loop, loop_learn, npy_intp
from lightwork._core.modules cimport imported
from lightwork._core.operands cimport is_order_free, would_overflow
from lightwork._core.pool cimport default_workers, home_pool
from lightwork._core.pool_state cimport MAX_WORKERS
from lightwork._core.sharing cimport heeds_this_thread, is_worth_sharing
from lightwork.arrays.chunks import axis_number, map_chunks

cnp.import_array()

cdef enum:
    MAX_DIMENSIONS = 64
    SMALL = 512  # items; under which the answer is there before it could be asked whether sharing pays

cdef object ufunc_type = np.ufunc
cdef object memmap_type = np.memmap
cdef object scalar_type = np.generic
cdef object as_array = np.asarray


def chunked_map(fn, *arrays, out=None, dtype=None, axis=0, chunk_size=None, workers=None):
    """
    Apply a function to arrays, chunk by chunk, on every core.

    Parameters
    ----------
    fn : ufunc, C function or callable
        A ufunc (NumPy's, ``scipy.special``'s, Numba's), which is run without the GIL and gives NumPy's bits; a C function of
        one item (a ctypes or cffi pointer, ``scipy.LowLevelCallable``, Numba ``@cfunc``, Cython capsule), of one to four
        numbers of one type, without the GIL too; or any callable over chunks: it is called as
        ``fn(*views)`` with views of the arrays, or ``fn(*views, out=view)`` if `out` is given and it has such a parameter.
    *arrays : array_like
        The operands. For a ufunc or C function they are broadcast and cast as NumPy does. For a callable over chunks they have
        the same length along `axis`; those of length 1 there, and scalars, are passed whole to every chunk.
    out : ndarray or tuple of ndarray, optional
        Where to write. For a ufunc or C function it may be an input, or overlap one: the result is as if it did not. A callable
        over chunks may be given an input as `out`, but nothing that overlaps one otherwise.
    dtype : dtype_like, optional
        The dtype to compute in, for a ufunc; of the result, for a callable.
    axis : int, default 0
        The axis that is cut into chunks. It makes no difference to what a ufunc or C function computes.
    chunk_size : int, optional
        How much work is handed out at a time: items of the result for a ufunc or C function, positions along `axis` for
        a callable. By default what was measured decides, and a call too small to gain from sharing is not shared.
    workers : int, optional
        How many take part, the calling thread included. Default: :func:`configure`'s, else :func:`cpu_budget`.

    Returns
    -------
    ndarray, scalar or tuple
        For a ufunc: what ``fn(*arrays, out=out, dtype=dtype)`` returns, values, dtype, shape, memory order and type. For a
        callable: its chunks' results in one array, on whose dtype and other dimensions they must agree with the first. `out` if given.

    Raises
    ------
    TypeError, ValueError
        What NumPy raises for the same call, and for arguments that do not fit together, before anything runs.
    Exception
        What `fn` raised in a chunk, with a note of which one: the first by index of those that ran. No chunk is started after an
        error.
    FloatingPointError
        As the caller's ``np.errstate`` has it; warnings are given once, at the caller's line.

    Notes
    -----
    Thread-safe, and may be called inside `fn`. Sees Ctrl-C at least every 50 ms. Takes O(1) memory beyond the result but
    where NumPy itself takes copies (overlapping operands) or casts (buffers of 8192 items for each worker).

    NumPy itself computes, on the calling thread, what has no loop that can run without the GIL or is not elementwise:
    object and string dtypes, generalized ufuncs such as ``np.matmul``, ``np.frompyfunc``, and operands that are subclasses of
    ``ndarray`` (``np.memmap`` excepted) or bring their own ``__array_ufunc__``.

    Examples
    --------
    >>> import numpy as np, lightwork as lw
    >>> x = np.linspace(0.0, 1.0, 1_000_000)
    >>> bool((lw.chunked_map(np.exp, x) == np.exp(x)).all())
    True
    >>> lw.chunked_map(lambda part: part.mean(axis=1), x.reshape(1000, 1000)).shape
    (1000,)
    """
    cdef Py_ssize_t grain = 0 if chunk_size is None else positive("chunk_size", chunk_size)
    cdef int n_workers = 0 if workers is None else min(positive("workers", workers), MAX_WORKERS)
    if not arrays:
        raise TypeError("chunked_map() needs at least one array after the function, as in chunked_map(np.exp, x)")
    ufunc = as_ufunc(fn)
    if ufunc is not None:
        check_count(fn, ufunc.nin, len(arrays))
        check_axis(axis, arrays)
        return map_ufunc(fn, ufunc, arrays, out, dtype, grain, n_workers)
    cdef Loop loop = find_c_loop(fn)
    if loop is not None:
        check_count(fn, loop.nin, len(arrays))
        check_axis(axis, arrays)
        return map_c_function(loop, arrays, out, dtype, grain, n_workers)
    if not callable(fn):
        raise TypeError(f"chunked_map() needs a ufunc, a C function or a callable, not {type(fn).__name__}")
    if n_workers == 0:
        n_workers = default_workers(home_pool())
    return map_chunks(fn, arrays, out, dtype, axis, grain, n_workers)


# --- Arguments ------------------------------------------------------------------------------------------------------

cdef Py_ssize_t positive(str name, object number) except -1:
    """A count; one beyond all memory means as many as there are."""
    if isinstance(number, (bool, np.bool_)):
        raise TypeError(f"{name} must be a whole number, not {number!r}")
    try:
        value = index(number)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {number!r}") from None
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}; leave it out to let lightwork choose")
    return min(value, PY_SSIZE_T_MAX)


cdef object as_ufunc(object fn):
    """`fn` if it is a ufunc, the ufunc inside if it is one of Numba's, else None."""
    if isinstance(fn, ufunc_type):
        return fn
    numba = imported("numba.np.ufunc.ufunc_base")  # by class: anybody's callable may have a ufunc that it is not itself
    return fn.ufunc if numba is not None and isinstance(fn, numba.UfuncBase) else None


cdef int check_count(object fn, int expected, Py_ssize_t given) except -1:
    if given != expected:
        name = getattr(fn, "__name__", repr(fn))
        raise TypeError(f"{name} takes {expected} array{'s' if expected > 1 else ''}, not {given}; pass where to write as out=")
    return 0


cdef int check_axis(object axis, tuple arrays) except -1:
    """An axis means nothing to an elementwise function, but a wrong one is a mistake all the same."""
    if type(axis) is int and axis == 0:
        return 0
    number = axis_number(axis)
    n_dimensions = max([np.ndim(array) for array in arrays])
    if number != 0 and not -n_dimensions <= number < n_dimensions:
        raise np.exceptions.AxisError(number, n_dimensions)
    return 0


# --- Elementwise functions ------------------------------------------------------------------------------------------

cdef object call_numpy(object fn, tuple arrays, object out, object dtype):
    """NumPy's own call. No Python frame of ours lies between, so its warnings point at the caller's line."""
    if out is None:
        return fn(*arrays) if dtype is None else fn(*arrays, dtype=dtype)
    return fn(*arrays, out=out) if dtype is None else fn(*arrays, out=out, dtype=dtype)


cdef cnp.ndarray plain_array(object operand):
    """An exact array of the same memory; None where NumPy has to see the operand itself."""
    if cnp.PyArray_CheckExact(operand):
        return operand
    if type(operand) is memmap_type:
        return operand.view(cnp.ndarray)
    if isinstance(operand, (scalar_type, bool)) or type(operand) in (list, tuple):
        try:
            return as_array(operand)
        except (TypeError, ValueError):
            return None
    return None


cdef list plain_operands(tuple arrays):
    """Exact arrays and Python numbers, which stay what they are because they are weak in promotion; None if there is anything else."""
    cdef list operands = []
    for operand in arrays:
        if not cnp.PyArray_CheckExact(operand) and not is_number(operand):
            operand = plain_array(operand)
            if operand is None:
                return None
        operands.append(operand)
    return operands


cdef inline bint is_number(object operand):
    return type(operand) is float or type(operand) is int or type(operand) is complex


cdef list plain_outputs(object out, int nout):
    """An exact array or None for each output; None if `out` is anything else."""
    cdef list outputs = []
    if out is None:
        return [None] * nout
    if cnp.PyArray_CheckExact(out) and nout == 1:
        return [out]
    for output in out if isinstance(out, tuple) else (out,):
        if output is not None:
            output = plain_array(output) if isinstance(output, cnp.ndarray) else None
            if output is None:
                return None
        outputs.append(output)
    return outputs if len(outputs) == nout else None


cdef Py_ssize_t broadcast_size(list operands, list outputs):
    """Items of the result; -1 if the shapes do not fit, which is NumPy's to say."""
    cdef npy_intp shape[MAX_DIMENSIONS]
    cdef int i, n_dimensions = 0
    cdef Py_ssize_t size = 1
    for operand in operands:
        if isinstance(operand, cnp.ndarray) and not fit_shape(shape, &n_dimensions, operand):
            return -1
    for output in outputs:
        if output is not None and not fit_shape(shape, &n_dimensions, output):
            return -1
    for i in range(n_dimensions):
        size *= shape[i]
    return size


cdef bint fit_shape(npy_intp* shape, int* n_dimensions, cnp.ndarray array):
    """Broadcast one more array into `shape`, whose axes are counted from the last."""
    cdef int i
    cdef npy_intp length
    for i in range(array.ndim):
        length = array.shape[array.ndim - 1 - i]
        if i >= n_dimensions[0]:
            shape[i] = length
            n_dimensions[0] = i + 1
        elif shape[i] == 1:
            shape[i] = length
        elif length != 1 and length != shape[i]:
            return False
    return True


cdef list numbers_to_arrays(Loop loop, list operands):
    """Python numbers as arrays of the loop's dtypes; None where NumPy would warn or refuse, which it does best itself."""
    cdef list arrays = []
    cdef int i
    for i in range(loop.nin):
        operand = operands[i]
        if not isinstance(operand, cnp.ndarray):
            if loop.dtypes[i].kind in "mM" or would_overflow(operand, loop.dtypes[i]):
                return None
            try:
                operand = as_array(operand, dtype=loop.dtypes[i])
            except (TypeError, ValueError, OverflowError):
                return None
        arrays.append(operand)
    return arrays


cdef bint has_plain_items(list operands):
    """Whether casting any of these arrays can do without the GIL."""
    for operand in operands:
        if isinstance(operand, cnp.ndarray) and operand.dtype.kind not in "biufcmM":
            return False
    return True


cdef bint has_casts(Loop loop, list operands):
    """Whether an array has to be cast before the loop can read it."""
    cdef int i
    for i in range(loop.nin):
        operand = operands[i]
        if isinstance(operand, cnp.ndarray) and operand.dtype is not loop.dtypes[i] and operand.dtype != loop.dtypes[i]:
            return True
    return False


cdef object pack(list filled, object out):
    """What NumPy returns: one array or a tuple, the caller's own where given."""
    if cnp.PyArray_CheckExact(out):
        return out
    if out is not None:
        given = out if isinstance(out, tuple) else (out,)
        filled = [mine if theirs is None else theirs for mine, theirs in zip(filled, given)]
    return filled[0] if len(filled) == 1 else tuple(filled)


cdef object time_numpy(Loop loop, object fn, tuple arrays, object out, object dtype, Py_ssize_t n_items):
    """NumPy's own call, which teaches what an item costs."""
    cdef int64_t began = now_ns()
    result = call_numpy(fn, arrays, out, dtype)
    loop_learn(loop, now_ns() - began, n_items)
    return result


cdef object share_ufunc(Loop loop, list operands, list outputs, object out, Py_ssize_t n_items, Py_ssize_t grain, int n_workers):
    """The result on several workers; None where NumPy has to do it, with nothing written."""
    if not has_plain_items(operands) or not has_plain_items(outputs) or not is_order_free(outputs) or heeds_this_thread(loop):
        return None
    if has_casts(loop, operands) and n_items <= np.getbufsize():
        return None  # so few NumPy casts in one piece before its loop, and warns of casts by another name
    operands = numbers_to_arrays(loop, operands)
    if operands is None:
        return None
    filled = run_elementwise(loop, operands, outputs, n_items, grain, n_workers)
    return None if filled is None else pack(filled, out)


cdef object map_ufunc(object fn, cnp.ufunc ufunc, tuple arrays, object out, object dtype, Py_ssize_t grain, int n_workers):
    cdef list operands, outputs
    cdef Py_ssize_t n_items
    cdef Loop loop
    if ufunc.signature is not None or (operands := plain_operands(arrays)) is None or (outputs := plain_outputs(out, ufunc.nout)) is None:
        return call_numpy(fn, arrays, out, dtype)
    n_items = broadcast_size(operands, outputs)
    if n_items < 2 or (n_items <= grain if grain > 0 else n_items < SMALL):
        return call_numpy(fn, arrays, out, dtype)
    loop = find_ufunc_loop(ufunc, operands, outputs, None if dtype is None else np.dtype(dtype))
    if loop is None:
        return call_numpy(fn, arrays, out, dtype)
    if n_workers == 0:
        n_workers = default_workers(home_pool())
    if grain == 0 and not is_worth_sharing(loop, n_items, n_workers):
        return time_numpy(loop, fn, arrays, out, dtype, n_items)
    result = share_ufunc(loop, operands, outputs, out, n_items, grain, n_workers)
    return call_numpy(fn, arrays, out, dtype) if result is None else result


cdef object map_c_function(Loop loop, tuple arrays, object out, object dtype, Py_ssize_t grain, int n_workers):
    """A C function has one dtype and no NumPy to fall back on: what cannot be cast to it is refused here."""
    if dtype is not None and np.dtype(dtype) != loop.dtypes[loop.nin]:
        raise TypeError(f"a C function that returns {loop.dtypes[loop.nin]} cannot compute in dtype {np.dtype(dtype)}; leave dtype out")
    operands = [as_c_operand(loop, i, operand) for i, operand in enumerate(arrays)]
    outputs = plain_outputs(out, 1)
    if outputs is None:
        raise TypeError(f"out must be an array, not {type(out).__name__}")
    if outputs[0] is not None:
        check_c_output(loop, operands, outputs[0])
    n_items = broadcast_size(operands, outputs)
    if not is_order_free(outputs):
        n_workers = 1
    if n_items < 0:
        np.broadcast_shapes(*[operand.shape for operand in operands])  # raises, and says which
    if n_workers == 0:
        n_workers = default_workers(home_pool())
    if n_items < 2 or (grain == 0 and not is_worth_sharing(loop, n_items, n_workers)):
        n_workers = 1
    filled = run_elementwise(loop, operands, outputs, n_items, grain, n_workers)
    if filled is None:
        raise TypeError(f"{loop.name} cannot be applied to operands of dtypes {[operand.dtype for operand in operands]}")
    result = pack(filled, out)
    return result[()] if out is None and result.ndim == 0 else result


cdef object as_c_operand(Loop loop, int i, object operand):
    if type(operand) is int:
        return as_array(operand, dtype=loop.dtypes[i])  # weak in promotion, as for a ufunc: it has to fit
    if isinstance(operand, cnp.ndarray) and not cnp.PyArray_CheckExact(operand) and type(operand) is not memmap_type:
        raise TypeError(
            f"operand {i} of {loop.name} is a {type(operand).__name__}, of which a C function would see neither mask nor unit; "
            "pass a plain array, of a masked one .filled(...) or .data"
        )
    array = as_array(operand)
    if not np.can_cast(array.dtype, loop.dtypes[i], "same_kind") and not np.can_cast(array.dtype, loop.dtypes[i], "safe"):
        raise TypeError(f"cannot cast operand {i} of {loop.name} from {array.dtype} to {loop.dtypes[i]} by the rule 'same_kind'; convert it first")
    return array


cdef int check_c_output(Loop loop, list operands, cnp.ndarray output) except -1:
    shape = np.broadcast_shapes(*[operand.shape for operand in operands])
    given = tuple([output.shape[i] for i in range(output.ndim)])
    if given != shape:
        raise ValueError(f"out has shape {given}, but the result has shape {shape}")
    if not np.can_cast(loop.dtypes[loop.nin], output.dtype, "same_kind"):
        raise TypeError(f"cannot cast the result of {loop.name} from {loop.dtypes[loop.nin]} to out's {output.dtype} by the rule 'same_kind'")
    if not output.flags.writeable:
        raise ValueError("out is read-only")
    return 0
