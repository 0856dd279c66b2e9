"""NumPy's means and variances, by their names and with their signatures, in NumPy's own steps and with its bits."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lightwork._core.line import is_line
from lightwork._core.terms import sum_deviations
from lightwork.arrays import reductions
from lightwork.arrays.fallback import or_numpys
from lightwork.arrays.map import chunked_map
from lightwork.arrays.operand import NO_VALUE, Array, axes_of, by_numpy, drops_parts, is_array, is_given, is_shareable
from lightwork.arrays.outputs import DECLINED, share_outputs, strict_errors
from lightwork.arrays.reducing import place, share_reduction

__all__ = ["average", "mean", "std", "var"]


#: Items, of which NumPy squares the deviations in 60 us: what it takes to gain from several workers.
FEW_SQUARES = 65_536


def count_items(array: Array, axes: tuple[int, ...]) -> np.intp:
    """Return how many items there are behind each output."""
    return np.intp(math.prod(array.shape[axis] for axis in axes))


def divide(total: Any, count: Any) -> Any:
    """Divide sums by a count, as NumPy's means do: arrays in place, scalars in their own type."""
    if is_array(total):
        return np.true_divide(total, count, out=total, casting="unsafe", subok=False)
    return total.dtype.type(total / count)


# --- Means ----------------------------------------------------------------------------------------------------------


def adding_dtype(dtype: np.dtype[Any]) -> Any:
    """Return in which dtype NumPy adds for a mean: another one for integers and float16."""
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    return np.dtype(np.float32) if dtype == np.float16 else None


def share_mean(a: Array, axis: Any, dtype: Any, out: Any, keepdims: Any) -> Any:
    """Return the mean, or DECLINED."""
    axes = axes_of(axis, a.ndim)
    is_half = dtype is None and a.dtype == np.float16
    if not axes or (is_half and out is not None):
        return DECLINED
    total = share_reduction(np.add, a, axis, adding_dtype(a.dtype) if dtype is None else dtype, out, keepdims)
    if total is DECLINED:
        return DECLINED
    if is_half and not is_array(total):
        return np.float16(total / count_items(a, axes))
    result = divide(total, count_items(a, axes))
    return result.astype(np.float16) if is_half else result


@or_numpys(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.mean` does."""
    if not is_shareable(a) or is_given(where, default=True):
        return DECLINED
    if a.dtype.kind != "c" or out is not None:
        return share_mean(a, axis, dtype, out, keepdims)
    try:
        with strict_errors():
            return share_mean(a, axis, dtype, out, keepdims)
    except FloatingPointError:  # of the sum, or when it is divided; NumPy says in which
        return DECLINED


def average_dtype(a: Array, weights: Array) -> np.dtype[Any]:
    """Return the dtype in which NumPy multiplies by weights and adds."""
    if a.dtype.kind in "biu":
        return np.result_type(a.dtype, weights.dtype, np.float64)
    return np.result_type(a.dtype, weights.dtype)


def weighted_mean(a: Array, axis: Any, weights: Array, keepdims: Any) -> Any:
    """Return the weighted mean, or DECLINED where NumPy says why there is none."""
    dtype = average_dtype(a, weights)
    try:
        with strict_errors():
            scale = reductions.sum(weights, axis, dtype, keepdims=keepdims)
            if np.any(scale == 0):
                return DECLINED
            return reductions.sum(chunked_map(np.multiply, a, weights, dtype=dtype), axis, keepdims=keepdims) / scale
    except FloatingPointError:  # in one of several steps, and NumPy says in which
        return DECLINED


@or_numpys(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: Any = False, *, keepdims: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.average` does."""
    if is_shareable(a) and a.dtype.kind in "biufc" and axes_of(axis, a.ndim) and not returned:
        if weights is None:  # NumPy makes their number one of the dtype, too, which is too large for float16
            return DECLINED if a.dtype == np.float16 else mean(a, axis, keepdims=keepdims)
        if is_shareable(weights) and weights.shape == a.shape and weights.dtype.kind in "biufc":
            result = weighted_mean(a, axis, weights, keepdims)
            if result is not DECLINED:
                return result
    return DECLINED


# --- Variances ------------------------------------------------------------------------------------------------------


def deviation_dtype(a: Array, dtype: Any) -> np.dtype[Any] | None:
    """Return the dtype of deviations that are squared leaf by leaf; None where NumPy has to."""
    wanted = (adding_dtype(a.dtype) or a.dtype) if dtype is None else np.dtype(dtype)
    if wanted.char not in "fdgFDG" or np.result_type(a.dtype, wanted) != wanted or (wanted.kind == "c" and dtype is not None):
        return None
    return wanted


def whole_variance(a: Array, dtype: Any, ddof: Any) -> Any:
    """Return the variance of all items with the axes kept, or DECLINED."""
    wanted = deviation_dtype(a, dtype)
    if wanted is None or a.dtype == np.float16 or a.size < FEW_SQUARES or not is_line(a):
        return DECLINED
    try:
        with strict_errors():
            return mean_square(a, wanted, ddof)
    except FloatingPointError:  # in one of several steps, and NumPy says in which
        return DECLINED


def mean_square(a: Array, dtype: np.dtype[Any], ddof: Any) -> Any:
    """Return the sum of all squared deviations from the mean, divided by their number less `ddof`, or DECLINED."""
    total = share_reduction(np.add, a, None, dtype, None, keepdims=True)
    if total is DECLINED:  # a sum is not worth sharing where squares are
        total = by_numpy(np.add.reduce, a, axis=None, dtype=dtype, keepdims=True)
    squares = sum_deviations(a, divide(total, np.intp(a.size)))
    return DECLINED if squares is None else divide(np.add.reduce(squares), np.maximum(np.intp(a.size) - ddof, 0))


def share_variance(a: Array, axis: Any, dtype: Any, ddof: Any, keepdims: Any) -> Any:
    """Return the variance, or DECLINED."""
    axes = axes_of(axis, a.ndim)
    if not axes or a.dtype.kind not in "biufc" or not ddof < count_items(a, axes):
        return DECLINED
    if len(axes) == a.ndim:
        variance = whole_variance(a, dtype, ddof)
        return variance if variance is DECLINED or not is_given(keepdims) or not keepdims else variance.reshape((1,) * a.ndim)
    if dtype is not None and drops_parts(a.dtype, np.dtype(dtype)):
        return DECLINED
    reducer = functools.partial(np.var, axis=axes, dtype=dtype, ddof=ddof, keepdims=True)
    outputs = share_outputs(reducer, a, axes)
    return outputs if outputs is DECLINED else place(outputs, axes, None, is_given(keepdims) and bool(keepdims))


def root(variance: Any) -> Any:
    """Return the square root of variances as NumPy's deviations are made, arrays in place; DECLINED of itself."""
    if variance is DECLINED or is_array(variance):
        return variance if variance is DECLINED else np.sqrt(variance, out=variance)
    return variance.dtype.type(np.sqrt(variance))


def is_number(less: object) -> bool:
    """Whether this can be taken off a number of items without NumPy having a word to say."""
    return isinstance(less, int | float | np.integer | np.floating)


def in_place_of(numpys: Any) -> Callable[[Any], Any]:
    """
    Make a variance or deviation by NumPy's name of the function under this decorator, which computes what it can on several workers, else DECLINED.

    It has NumPy's signature, which it shares with its three siblings, and leaves to NumPy what is left.
    """

    def decorate(share: Any) -> Any:
        def spread(
            a: Any,
            axis: Any = None,
            dtype: Any = None,
            out: Any = None,
            ddof: Any = 0,
            keepdims: Any = NO_VALUE,
            *,
            where: Any = NO_VALUE,
            mean: Any = NO_VALUE,
            correction: Any = NO_VALUE,
        ) -> Any:
            is_plain = is_shareable(a) and out is None and not is_given(where, default=True) and not is_given(mean)
            result = DECLINED
            is_corrected = is_given(correction, ...)
            less = correction if is_corrected else ddof
            if is_plain and is_number(less) and is_number(ddof) and (ddof == 0 or not is_corrected):
                result = share(a, axis, dtype, less, keepdims)
            return result

        functools.update_wrapper(spread, share, assigned=("__module__", "__name__", "__qualname__", "__doc__"), updated=())
        return or_numpys(numpys)(spread)

    return decorate


@in_place_of(np.var)
def var(a: Array, axis: Any, dtype: Any, ddof: Any, keepdims: Any) -> Any:
    """Return what :func:`numpy.var` does."""
    return share_variance(a, axis, dtype, ddof, keepdims)


@in_place_of(np.std)
def std(a: Array, axis: Any, dtype: Any, ddof: Any, keepdims: Any) -> Any:
    """Return what :func:`numpy.std` does."""
    return root(share_variance(a, axis, dtype, ddof, keepdims))
