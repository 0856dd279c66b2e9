"""NumPy's sums, products, extremes and truths of arrays, by their names and with their signatures; every result has NumPy's bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lightwork.arrays.fallback import or_numpys
from lightwork.arrays.operand import NO_VALUE, axes_of, is_given, is_shareable
from lightwork.arrays.outputs import DECLINED, strict_errors
from lightwork.arrays.reducing import minmax, share_reduction

__all__ = ["all", "amax", "amin", "any", "max", "min", "prod", "ptp", "sum"]


def try_reduction(ufunc: np.ufunc, a: Any, axis: Any, dtype: Any, out: Any, keepdims: Any, initial: Any, where: Any) -> Any:
    """Reduce on several workers what can be; else DECLINED."""
    if not is_shareable(a) or is_given(where, default=True):
        return DECLINED
    return share_reduction(ufunc, a, axis, dtype, out, keepdims, initial)


@or_numpys(np.sum)
def sum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE
) -> Any:
    """Return what :func:`numpy.sum` does."""
    return try_reduction(np.add, a, axis, dtype, out, keepdims, initial, where)


@or_numpys(np.prod)
def prod(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE
) -> Any:
    """Return what :func:`numpy.prod` does."""
    return try_reduction(np.multiply, a, axis, dtype, out, keepdims, initial, where)


def smallest(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.min` does."""
    return try_reduction(np.minimum, a, axis, None, out, keepdims, initial, where)


def largest(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.max` does."""
    return try_reduction(np.maximum, a, axis, None, out, keepdims, initial, where)


min: Callable[..., Any] = or_numpys(np.min)(smallest)
amin: Callable[..., Any] = or_numpys(np.amin)(smallest)
max: Callable[..., Any] = or_numpys(np.max)(largest)
amax: Callable[..., Any] = or_numpys(np.amax)(largest)


@or_numpys(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.ptp` does."""
    if not is_shareable(a) or out is not None:
        return DECLINED
    if axis is None and not is_given(keepdims):
        smallest, largest = minmax(a)
    else:
        largest = share_reduction(np.maximum, a, axis, keepdims=keepdims)
        smallest = share_reduction(np.minimum, a, axis, keepdims=keepdims)
    try:
        with strict_errors():
            return DECLINED if largest is DECLINED or smallest is DECLINED else np.subtract(largest, smallest)
    except FloatingPointError:  # NumPy's to tell, at the caller's line
        return DECLINED


# --- Truths ---------------------------------------------------------------------------------------------------------

FIRST_SHARE = 64  # of an array is what is looked at first: it may decide, and NumPy stops there, too


def is_decided(ufunc: np.ufunc, a: Any, axis: Any) -> bool:
    """Whether the first items tell the truth of all."""
    if len(axes_of(axis, a.ndim)) != a.ndim:
        return False
    head = a[: a.shape[0] // FIRST_SHARE + 1]
    return bool(ufunc.reduce(head, axis=None, dtype=np.bool_)) is (ufunc is np.logical_or)


def try_truth(ufunc: np.ufunc, a: Any, axis: Any, out: Any, keepdims: Any, where: Any) -> Any:
    """Reduce on several workers what can be and is worth it; else DECLINED."""
    if not is_shareable(a) or a.dtype.kind in "mM" or is_given(where, default=True) or is_decided(ufunc, a, axis):
        return DECLINED
    return share_reduction(ufunc, a, axis, np.bool_, out, keepdims)


@or_numpys(np.any)
def any(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.any` does."""
    return try_truth(np.logical_or, a, axis, out, keepdims, where)


@or_numpys(np.all)
def all(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.all` does."""
    return try_truth(np.logical_and, a, axis, out, keepdims, where)
