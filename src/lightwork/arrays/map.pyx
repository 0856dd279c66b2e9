"""``chunked_map``: which kind of function it is given."""

from operator import index

import numpy as np

cimport numpy as cnp
from cpython.pyport cimport PY_SSIZE_T_MAX

from lightwork._core.cfunction cimport find_c_loop
from lightwork._core.loop cimport Loop
from lightwork._core.modules cimport imported
from lightwork._core.lifetime cimport default_workers, home_pool
from lightwork._core.pool_state cimport MAX_WORKERS
from lightwork.arrays.application cimport map_c_function, map_ufunc
from lightwork.arrays.chunks import map_chunks
from lightwork.arrays.cut import axis_number

cdef object ufunc_type = np.ufunc


def chunked_map(fn, *arrays, out=None, dtype=None, axis=0, chunk_size=None, workers=None, executor="thread"):
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
    executor : {"thread", "process"}, default "thread"
        Where a callable over chunks is called. Processes are for Python code that holds the GIL: its arrays are put into memory that they
        share, unless they are there already, and are not pickled; each chunk may change its own view of an input, which nobody else sees.

    Returns
    -------
    ndarray, scalar or tuple
        For a ufunc: what ``fn(*arrays, out=out, dtype=dtype)`` returns, values, dtype, shape, memory order and type. For a
        callable: its chunks' results in one array, on whose dtype and other dimensions they must agree with the first. `out` if given.
        Processes bring large ones, of 64 MB and more, in an array as :func:`shared_empty` makes them.

    Raises
    ------
    TypeError, ValueError
        What NumPy raises for the same call, and for arguments that do not fit together, before anything runs.
    Exception
        What `fn` raised in a chunk, with a note of which one: the first by index of those that ran. No chunk is started after an
        error.
    FloatingPointError
        As the caller's ``np.errstate`` has it; warnings are given once, at the caller's line.
    OSError
        If there is no room for arrays that processes share; it names the directory and what is free there.

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
    cdef bint is_far = check_executor(executor)
    ufunc = as_ufunc(fn)
    if is_far and (ufunc is not None or find_c_loop(fn) is not None):
        name = getattr(fn, "__name__", repr(fn))
        raise TypeError(f"chunked_map() runs {name} on threads without the GIL; processes could only be slower, so leave out executor=")
    if ufunc is not None:
        check_count(fn, ufunc.nin, len(arrays))
        check_axis(axis, arrays)
        return map_ufunc(fn, ufunc, arrays, out, dtype, None, grain, n_workers)
    cdef Loop loop = find_c_loop(fn)
    if loop is not None:
        check_count(fn, loop.nin, len(arrays))
        check_axis(axis, arrays)
        return map_c_function(loop, arrays, out, dtype, grain, n_workers)
    if not callable(fn):
        raise TypeError(f"chunked_map() needs a ufunc, a C function or a callable, not {type(fn).__name__}")
    if n_workers == 0:
        n_workers = default_workers(home_pool())
    if is_far:
        from lightwork.arrays.far_chunks import map_far_chunks  # with the half of the package that is for items
        return map_far_chunks(fn, arrays, out, dtype, axis, grain, n_workers)
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


cdef bint check_executor(object executor) except -1:
    """Whether it is processes."""
    if not isinstance(executor, str) or executor not in ("thread", "process"):
        raise ValueError(f"executor must be 'thread' or 'process', not {executor!r}")
    return executor == "process"


cdef object as_ufunc(object fn):
    """`fn` if it is a ufunc, the ufunc inside if it is one of ours or of Numba's, else None."""
    if isinstance(fn, ufunc_type):
        return fn if isinstance(fn, cnp.ufunc) else fn.ufunc  # the latter asks for the type, the former believes what a twin says
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
