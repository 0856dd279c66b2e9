"""NumPy's reductions that leave out NaN, by their names and with their signatures, in NumPy's own steps and with its bits."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from lightwork._core.terms import sum_deviations, sum_numbers
from lightwork.arrays import moments, reductions
from lightwork.arrays.fallback import or_numpys
from lightwork.arrays.operand import NO_VALUE, Array, axes_of, drops_parts, is_given, is_shareable
from lightwork.arrays.outputs import DECLINED, share_outputs, strict_errors
from lightwork.arrays.positions import share_position
from lightwork.arrays.reducing import place, share_reduction

__all__ = ["nanargmax", "nanargmin", "nanmax", "nanmean", "nanmin", "nanstd", "nansum", "nanvar"]


def has_no_nan(a: object) -> bool:
    """Whether an array's dtype has no NaN, so that NumPy does what it does for all items."""
    return is_shareable(a) and a.dtype.kind in "biu"


def is_added_in_place(a: Array, axis: Any, dtype: Any) -> bool:
    """Whether all items are added, in their own dtype."""
    is_one_output = len(axes_of(axis, a.ndim)) == a.ndim
    return is_one_output and a.dtype.char in "fdg" and (dtype is None or np.dtype(dtype) == a.dtype)


def with_axes(value: Any, a: Array, keepdims: Any) -> Any:
    """Return the one output of all items in the shape that was asked for."""
    return np.full((1,) * a.ndim, value) if is_given(keepdims) and keepdims else value


def share_along(reducer: Any, a: Array, axis: Any, dtype: Any, keepdims: Any) -> Any:
    """Reduce along some axes by NumPy's calls over parts of the outputs, or DECLINED."""
    axes = axes_of(axis, a.ndim)
    if not 0 < len(axes) < a.ndim or a.dtype.kind not in "fc" or (dtype is not None and drops_parts(a.dtype, np.dtype(dtype))):
        return DECLINED
    outputs = share_outputs(functools.partial(reducer, axes=axes), a, axes)
    return outputs if outputs is DECLINED else place(outputs, axes, None, is_given(keepdims) and bool(keepdims))


def check_numbers(part: Array, axes: tuple[int, ...], more_than: Any) -> None:
    """Stop sharing where NumPy would warn that an output has too few numbers behind it: with each of its calls, which are several here."""
    if not (np.count_nonzero(part == part, axis=axes) > more_than).all():  # noqa: PLR0124 - a NaN is not itself
        raise ValueError("too few numbers")


# --- Sums and means -------------------------------------------------------------------------------------------------


def share_nansum(a: Array, axis: Any, dtype: Any, keepdims: Any) -> Any:
    """Return the sum of numbers, or DECLINED."""

    def reducer(part: Array, axes: tuple[int, ...]) -> Any:
        return np.nansum(part, axis=axes, dtype=dtype, keepdims=True)

    if not is_added_in_place(a, axis, dtype):
        return share_along(reducer, a, axis, dtype, keepdims)
    found = sum_numbers(a)
    return DECLINED if found is None else with_axes(np.add.reduce(found[0]), a, keepdims)


@or_numpys(np.nansum)
def nansum(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE
) -> Any:
    """Return what :func:`numpy.nansum` does."""
    if has_no_nan(a):
        return reductions.sum(a, axis, dtype, out, keepdims, initial, where)
    is_plain = is_shareable(a) and out is None and not is_given(initial, ...) and not is_given(where, default=True)
    return share_nansum(a, axis, dtype, keepdims) if is_plain else DECLINED


def whole_mean(a: Array) -> tuple[Any, int]:
    """Return the mean of all numbers and their count; DECLINED for a mean that NumPy has to make."""
    found = sum_numbers(a)
    if found is None or found[1] == 0:
        return DECLINED, 0
    total, n_numbers = found
    return moments.divide(np.add.reduce(total), np.intp(n_numbers)), n_numbers  # NumPy adds to zero, which matters where all are -0.0


def share_nanmean(a: Array, axis: Any, dtype: Any, keepdims: Any) -> Any:
    """Return the mean of numbers, or DECLINED."""

    def reducer(part: Array, axes: tuple[int, ...]) -> Any:
        check_numbers(part, axes, 0)
        return np.nanmean(part, axis=axes, dtype=dtype, keepdims=True)

    if not is_added_in_place(a, axis, dtype):
        return share_along(reducer, a, axis, dtype, keepdims)
    mean, _ = whole_mean(a)
    return mean if mean is DECLINED else with_axes(mean, a, keepdims)


@or_numpys(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.nanmean` does."""
    if has_no_nan(a):
        return moments.mean(a, axis, dtype, out, keepdims, where=where)
    is_plain = is_shareable(a) and out is None and not is_given(where, default=True)
    return share_nanmean(a, axis, dtype, keepdims) if is_plain else DECLINED


# --- Variances ------------------------------------------------------------------------------------------------------


def whole_variance(a: Array, ddof: Any) -> Any:
    """Return the variance of all numbers, or DECLINED."""
    try:
        with strict_errors():
            mean, n_numbers = whole_mean(a)
            if mean is DECLINED or not ddof < n_numbers:
                return DECLINED
            squares = sum_deviations(a, np.array([mean], a.dtype), leaves_out_nan=True)
            return DECLINED if squares is None else moments.divide(squares[0], np.intp(n_numbers) - ddof)
    except FloatingPointError:  # in one of several steps, and NumPy says in which
        return DECLINED


def share_nanvar(a: Any, axis: Any, dtype: Any, ddof: Any, keepdims: Any) -> Any:
    """Return the variance of numbers, or DECLINED."""

    def reducer(part: Array, axes: tuple[int, ...]) -> Any:
        check_numbers(part, axes, ddof)
        return np.nanvar(part, axis=axes, dtype=dtype, ddof=ddof, keepdims=True)

    if not is_added_in_place(a, axis, dtype):
        return share_along(reducer, a, axis, dtype, keepdims)
    variance = whole_variance(a, ddof)
    return variance if variance is DECLINED else with_axes(variance, a, keepdims)


@moments.in_place_of(np.nanvar)
def nanvar(a: Array, axis: Any, dtype: Any, ddof: Any, keepdims: Any) -> Any:
    """Return what :func:`numpy.nanvar` does."""
    share = moments.share_variance if has_no_nan(a) else share_nanvar
    return share(a, axis, dtype, ddof, keepdims)


@moments.in_place_of(np.nanstd)
def nanstd(a: Array, axis: Any, dtype: Any, ddof: Any, keepdims: Any) -> Any:
    """Return what :func:`numpy.nanstd` does."""
    share = moments.share_variance if has_no_nan(a) else share_nanvar
    return moments.root(share(a, axis, dtype, ddof, keepdims))


# --- Extremes -------------------------------------------------------------------------------------------------------


def try_extreme(ufunc: np.ufunc, a: Any, axis: Any, out: Any, keepdims: Any, others: tuple[Any, ...]) -> Any:
    """Find the extremes of numbers on several workers, or DECLINED; warn as NumPy does where there is no number."""
    if not is_shareable(a) or any(is_given(other, ...) for other in others):
        return DECLINED
    result = share_reduction(ufunc, a, axis, None, out, keepdims)
    if result is not DECLINED and np.isnan(result).any():
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=3)
    return result


@or_numpys(np.nanmin)
def nanmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.nanmin` does."""
    return try_extreme(np.fmin, a, axis, out, keepdims, (initial, where))


@or_numpys(np.nanmax)
def nanmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.nanmax` does."""
    return try_extreme(np.fmax, a, axis, out, keepdims, (initial, where))


@or_numpys(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.nanargmin` does."""
    return share_position(np.nanargmin, a, axis, keepdims) if is_shareable(a) and out is None and a.dtype.kind != "c" else DECLINED


@or_numpys(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.nanargmax` does."""
    return share_position(np.nanargmax, a, axis, keepdims) if is_shareable(a) and out is None and a.dtype.kind != "c" else DECLINED
