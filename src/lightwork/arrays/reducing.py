"""``reduce`` and ``minmax``: which of NumPy's ways to reduce an array can be shared, and what NumPy itself has to do."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from lightwork._core.grid import reduce_grid
from lightwork._core.reduction import fold, worth_sharing_dtype
from lightwork._core.summation import order_name, sum_cast, sum_line
from lightwork.arrays.fallback import Deferred, at_callers_line
from lightwork.arrays.operand import NO_VALUE, SMALL, Array, axes_of, by_numpy, drops_parts, is_flag, is_given, is_shareable
from lightwork.arrays.outputs import DECLINED, share_items, share_outputs, strict_errors

if TYPE_CHECKING:  # a millisecond and more at run time
    import numpy.typing as npt

__all__ = ["checked_count", "checked_ufunc", "checked_workers", "minmax", "place", "reduce", "share_reduction"]

EXTREMES: frozenset[np.ufunc] = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})

#: The kinds of dtypes for which it makes no difference how a ufunc's items are grouped.
EXACT_KINDS: dict[np.ufunc, str] = {
    **dict.fromkeys(EXTREMES, "biufcmM"),
    np.add: "iu",
    np.multiply: "iu",
    np.bitwise_and: "biu",
    np.bitwise_or: "biu",
    np.bitwise_xor: "biu",
    np.logical_and: "b",
    np.logical_or: "b",
    np.logical_xor: "b",
}

#: Of zeros of both signs these choose one in NumPy's vectors, and the other, here and there, in what vectors leave over.
PLACE_MINDING: frozenset[np.ufunc] = frozenset({np.fmax, np.fmin})

FEW_OUTPUTS = 64  # to be reduced one after the other, each on every core


def is_exact(ufunc: np.ufunc, dtype: np.dtype[Any]) -> bool:
    """Whether a reduction gives the same for any grouping of its items; but for the sign of a zero that is the smallest or largest."""
    return dtype.kind in EXACT_KINDS.get(ufunc, "")


def partial_results(ufunc: np.ufunc, array: Array, dtype: np.dtype[Any], n_workers: int) -> Array | None:
    """Reduce all items to a few in a row, the reduction of which has the bits of the whole; None where NumPy has to."""
    if is_exact(ufunc, dtype) and array.dtype == dtype:
        rows = fold((ufunc,), array, dtype, n_workers)
        return None if rows is None else rows[0]
    if ufunc is not np.add or dtype.kind not in "iufc":
        return None
    return sum_line(array, n_workers) if array.dtype == dtype else sum_cast(array, dtype, n_workers)


def share_all(ufunc: np.ufunc, array: Array, dtype: np.dtype[Any], n_workers: int) -> Any:
    """Reduce along every axis: to an array of as many dimensions with little left to reduce, or DECLINED."""
    partial = partial_results(ufunc, array, dtype, n_workers)
    if partial is not None:
        return partial.reshape((-1,) + (1,) * (array.ndim - 1))
    return share_groups(ufunc, array, tuple(range(array.ndim)), dtype, n_workers)


def share_some(ufunc: np.ufunc, array: Array, axes: tuple[int, ...], dtype: np.dtype[Any], n_workers: int) -> Any:
    """Reduce along some axes: to the outputs, with the axes kept, or DECLINED."""
    if 0 in array.strides:  # they say nothing of the order in which NumPy goes through what is broadcast
        return DECLINED
    n_outputs = math.prod(array.shape) // math.prod(array.shape[axis] for axis in axes)
    if lies_in_rows(array, axes) and array.dtype == dtype and dtype.kind not in "fc":  # whole rows are read faster than parts of them
        result = share_groups(ufunc, array, axes, dtype, n_workers)
        if result is not DECLINED:
            return result
    if n_outputs <= FEW_OUTPUTS and array.size >= n_outputs * SMALL:
        few = share_rows if ufunc is np.add and not is_exact(ufunc, dtype) else share_groups
        result = few(ufunc, array, axes, dtype, n_workers)
        if result is not DECLINED:
            return result
    result = reduce_grid(ufunc, array, axes, dtype, is_exact(ufunc, dtype), n_workers) if ufunc in EXACT_KINDS else None
    if result is None:
        reducer = functools.partial(ufunc.reduce, axis=axes, dtype=dtype, keepdims=True)
        result = share_outputs(reducer, array, axes, n_workers=n_workers)
    return DECLINED if result is not DECLINED and has_open_zeros(ufunc, result) else result


def lies_in_rows(array: Array, axes: tuple[int, ...]) -> bool:
    """Whether all that is kept of an array lies closer together than what is reduced."""
    steps = {axis: abs(array.strides[axis]) for axis in range(array.ndim) if array.shape[axis] > 1}
    reduced = [step for axis, step in steps.items() if axis in axes]
    return min(reduced, default=0) > max((step for axis, step in steps.items() if axis not in axes), default=0)


def has_open_zeros(ufunc: np.ufunc, result: Array) -> bool:
    """Whether some results are zeros of a sign that depends on where in a call of NumPy's loop their items stand."""
    return ufunc in PLACE_MINDING and result.dtype.kind == "f" and bool((result == 0).any())


def share_groups(ufunc: np.ufunc, array: Array, axes: tuple[int, ...], dtype: np.dtype[Any], n_workers: int) -> Any:
    """Reduce groups of items where that cannot show, and the groups' results; with the axes kept, or DECLINED."""
    if not is_exact(ufunc, dtype):
        return DECLINED
    reducer = functools.partial(ufunc.reduce, axis=axes, dtype=dtype, keepdims=True)
    groups = share_items(reducer, array, axes, n_workers)
    if groups is DECLINED:
        return DECLINED
    result = functools.reduce(ufunc, groups)
    if dtype.kind == "f" and (result == 0).any():
        return DECLINED  # a zero of either sign, depending on the order of the items
    return result


def share_rows(ufunc: np.ufunc, array: Array, axes: tuple[int, ...], dtype: np.dtype[Any], n_workers: int) -> Any:
    """Reduce each of a few outputs on every core, if its items lie apart from all others'; with the axes kept, or DECLINED."""
    if not is_exact(ufunc, dtype) and order_name(dtype) != "tree":
        return DECLINED
    strides = array.strides
    kept = sorted([axis for axis in range(array.ndim) if axis not in axes], key=lambda axis: -abs(strides[axis]))
    if min(abs(strides[axis]) for axis in kept) <= max(abs(strides[axis]) for axis in axes):  # equal where windows overlap
        return DECLINED
    rows = array.transpose(*kept, *axes)
    shape = rows.shape[: len(kept)]
    results = np.empty(shape + (1,) * len(axes), dtype)
    try:
        with strict_errors():
            for index in np.ndindex(shape):
                row = partial_results(ufunc, rows[index], dtype, n_workers)
                if row is None:
                    return DECLINED
                results[index] = row.reshape((1,) * len(axes))
    except FloatingPointError:  # in one row or several, and NumPy says so once
        return DECLINED
    return results.transpose(np.argsort([*kept, *axes]))


def is_fitting(out: object, dtype: np.dtype[Any]) -> bool:
    """Whether `out` changes nothing about how NumPy would compute. It is written last, so it may be part of the array."""
    return out is None or (type(out) is np.ndarray and out.dtype == dtype and out.flags.writeable)


def reduced_shape(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """Return the shape of what is reduced."""
    return tuple(1 if axis in axes else length for axis, length in enumerate(shape) if keepdims or axis not in axes)


def computing_dtype(ufunc: np.ufunc, array: Array, dtype: Any, out: Any, n_workers: int) -> np.dtype[Any] | None:
    """Return the dtype in which NumPy reduces; None where it has to do it, should do it, or has to refuse it."""
    try:
        wanted = None if dtype is None else np.dtype(dtype)
    except TypeError:
        return None
    found = worth_sharing_dtype(ufunc, array, wanted, n_workers)
    return None if found is None or drops_parts(array.dtype, found) or not is_fitting(out, found) else found


def share_reduction(
    ufunc: np.ufunc,
    array: Array,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    n_workers: int = 0,
) -> Any:
    """Return what ``ufunc.reduce`` gives for an array that is shareable, or DECLINED."""
    axes = axes_of(axis, array.ndim)
    computed = computing_dtype(ufunc, array, dtype, out, n_workers)
    if not axes or computed is None or not is_flag(keepdims):
        return DECLINED
    if out is not None and out.shape != reduced_shape(array.shape, axes, is_given(keepdims) and bool(keepdims)):
        return DECLINED  # before anything is computed, and warned of
    if len(axes) < array.ndim:
        outputs = DECLINED if is_given(initial, ...) else share_some(ufunc, array, axes, computed, n_workers)
        return DECLINED if outputs is DECLINED else place(outputs, axes, out, is_given(keepdims) and bool(keepdims))
    if is_given(initial, ...) and not (ufunc is np.add and initial is not None and array.dtype == computed):
        return DECLINED
    partial = share_all(ufunc, array, computed, n_workers)
    return (
        DECLINED
        if partial is DECLINED
        else by_numpy(ufunc.reduce, partial, axis=axes, dtype=computed, out=out, keepdims=is_given(keepdims) and bool(keepdims), initial=initial)
    )


def place(outputs: Array, axes: tuple[int, ...], out: Array | None, keepdims: bool) -> Any:
    """Return outputs in the shape that was asked for, in `out` if that has it."""
    result = outputs if keepdims else outputs.squeeze(axes)
    if out is None:
        return result
    if out.shape != result.shape:
        return DECLINED
    out[...] = result
    return out


# --- The public functions -------------------------------------------------------------------------------------------


def checked_count(name: str, count: SupportsIndex) -> int:
    """Return a number that must be at least one."""
    if isinstance(count, bool | np.bool) or not hasattr(count, "__index__"):
        raise TypeError(f"{name} must be a whole number, not {count!r}")
    number = operator.index(count)
    if number < 1:
        raise ValueError(f"{name} must be at least 1, not {number}; leave it out to let lightwork choose")
    return number


def checked_workers(workers: SupportsIndex | None) -> int:
    """Return a number of workers, 0 for the default."""
    return 0 if workers is None else checked_count("workers", workers)


#: What somebody may mean who passes a function that reduces by itself.
UFUNC_FOR: dict[Any, str] = {
    min: "np.minimum",
    np.min: "np.minimum",
    sum: "np.add",
    np.sum: "np.add",
    operator.add: "np.add",
    math.prod: "np.multiply",
    np.prod: "np.multiply",
    operator.mul: "np.multiply",
    any: "np.logical_or",
    np.any: "np.logical_or",
    all: "np.logical_and",
    np.all: "np.logical_and",
}


def checked_ufunc(name: str, fn: Any) -> Any:
    """Return a ufunc, NumPy's own of a twin; refuse what is none."""
    ufunc = getattr(fn, "ufunc", fn)
    if not isinstance(ufunc, np.ufunc):
        meant = UFUNC_FOR.get(fn, "np.maximum") if isinstance(fn, Hashable) else "np.maximum"
        raise TypeError(f"{name}() needs a ufunc of two inputs, such as {meant}, not {fn!r}")
    return ufunc


@at_callers_line
def reduce(
    ufunc: np.ufunc,
    array: npt.ArrayLike,
    axis: SupportsIndex | tuple[int, ...] | None = None,
    dtype: npt.DTypeLike | None = None,
    out: Array | None = None,
    *,
    keepdims: bool = False,
    initial: Any = NO_VALUE,
    where: Any = NO_VALUE,
    workers: SupportsIndex | None = None,
) -> Any:
    """
    Reduce an array by a binary ufunc, on every core, with NumPy's bits.

    Parameters
    ----------
    ufunc : numpy.ufunc
        Any of two inputs and one output.
    array : array_like
        What is reduced.
    axis : int, tuple of int or None, default None
        Along which axes; None is all of them. (``ufunc.reduce`` itself takes the first where nothing is said.)
    dtype, out, keepdims, initial, where
        As of ``ufunc.reduce``.
    workers : int, optional
        How many take part, the calling thread included. Default: :func:`configure`'s, else :func:`cpu_budget`.

    Returns
    -------
    ndarray or scalar
        What ``ufunc.reduce`` returns for the same arguments, to the bit.

    Raises
    ------
    TypeError, ValueError
        What NumPy raises for the same call.

    Notes
    -----
    Thread-safe. Several workers take part where NumPy's own order of computing allows it: over many outputs, for any ufunc; over one,
    for ``add``, whose tree is cut at its joints, and for ufuncs and dtypes that any grouping suits, such as ``maximum`` or sums
    of integers. Everything else is NumPy's own call, on one core.

    Examples
    --------
    >>> import numpy as np, lightwork as lw
    >>> x = np.linspace(0.0, 1.0, 1_000_000)
    >>> bool(lw.reduce(np.add, x) == x.sum())
    True
    """
    n_workers = checked_workers(workers)
    ufunc = checked_ufunc("reduce", ufunc)
    if is_shareable(array) and not is_given(where, default=True):
        result = share_reduction(ufunc, array, axis, dtype, out, keepdims, initial, n_workers)
        if result is not DECLINED:
            return result
    given = {} if where is NO_VALUE else {"where": where}
    return Deferred(ufunc.reduce, array, axis=axis, dtype=dtype, out=out, keepdims=keepdims, initial=initial, **given)


def minmax(array: npt.ArrayLike, axis: SupportsIndex | tuple[int, ...] | None = None, *, workers: SupportsIndex | None = None) -> tuple[Any, Any]:
    """
    Find the smallest and the largest item in one pass over an array, on every core.

    Parameters
    ----------
    array : array_like
        What is searched.
    axis : int, tuple of int or None, default None
        Along which axes; None is all of them.
    workers : int, optional
        How many take part, the calling thread included. Default: :func:`configure`'s, else :func:`cpu_budget`.

    Returns
    -------
    tuple of ndarray or scalar
        ``(np.min(array, axis), np.max(array, axis))``, to the bit.

    Raises
    ------
    ValueError
        For an empty array, as NumPy does.

    Notes
    -----
    Thread-safe. One pass where all items are taken together and one stride walks them; else one pass for either.

    Examples
    --------
    >>> import numpy as np, lightwork as lw
    >>> lw.minmax(np.arange(1_000_000))
    (np.int64(0), np.int64(999999))
    """
    n_workers = checked_workers(workers)
    if not is_shareable(array):
        return np.min(array, axis), np.max(array, axis)
    if axis is None:
        rows = fold((np.minimum, np.maximum), array, array.dtype, n_workers)
        if rows is not None:
            return np.minimum.reduce(rows[0]), np.maximum.reduce(rows[1])
    return reduce(np.minimum, array, axis, workers=workers), reduce(np.maximum, array, axis, workers=workers)
