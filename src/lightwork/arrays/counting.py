"""NumPy's functions that count items, by their names and with their signatures. Counts are exact, so they are NumPy's."""

from __future__ import annotations

import builtins
import functools
from typing import Any

import numpy as np

from lightwork._core.counting import count_bins, count_nonzero_bits
from lightwork._core.histogram import count_between
from lightwork._core.reduction import fold
from lightwork.arrays.fallback import or_numpys
from lightwork.arrays.operand import Array, axes_of, is_shareable
from lightwork.arrays.outputs import DECLINED, share_items, share_outputs, strict_errors
from lightwork.arrays.reducing import minmax, place, share_reduction

__all__ = ["bincount", "count_nonzero", "histogram"]

#: Integers up to here are float64 numbers, so that NumPy's comparisons and ours of one with an edge are the same.
EXACT_INTEGER = 2**53

#: What NumPy tells the number of all items in: an int, in newer versions one of its own.
NUMBER: type = type(np.count_nonzero(()))

#: Roundings of an estimate, with room to spare, and the bins by which it may be wrong.
ROUNDINGS, WIDEST_MARGIN = 16, 0.25

#: Edges, so that the tables of several workers stay small.
MANY_BINS = 2**20

#: From the first edge to the last, so that there are not more units in it than there are numbers.
SMALLEST_WIDTH = 1e-280

#: Different bytes.
N_BYTES = 256


# --- Counting what is not zero --------------------------------------------------------------------------------------


def count_all_nonzero(a: Array) -> Any:
    """Return the number of items that are not zero, or DECLINED."""
    count = count_nonzero_bits(a)
    if count is not None:
        return NUMBER(count)
    parts = share_items(np.count_nonzero, a, tuple(range(a.ndim)))
    return DECLINED if parts is DECLINED else NUMBER(builtins.sum(parts))


def count_along(a: Array, axis: Any, keepdims: bool) -> Any:
    """Return the numbers of items along some axes that are not zero, or DECLINED."""
    if a.dtype.kind == "b":
        return share_reduction(np.add, a, axis, np.intp, None, keepdims)
    axes = axes_of(axis, a.ndim)
    if not 0 < len(axes) < a.ndim:
        return DECLINED
    outputs = share_outputs(functools.partial(np.count_nonzero, axis=axes, keepdims=True), a, axes)
    return outputs if outputs is DECLINED else place(outputs, axes, None, keepdims)


@or_numpys(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """Return what :func:`numpy.count_nonzero` does."""
    if is_shareable(a):
        return count_all_nonzero(a) if axis is None and not keepdims else count_along(a, axis, bool(keepdims))
    return DECLINED


# --- Counting small integers ----------------------------------------------------------------------------------------


def share_bincount(x: Array, minlength: int) -> Any:
    """Return the counts of integers, or DECLINED."""
    if x.ndim != 1 or minlength < 0 or not np.can_cast(x.dtype, np.intp, "safe") or x.dtype.kind not in "biu":
        return DECLINED
    extremes = fold((np.minimum, np.maximum), x)
    if extremes is None or extremes[0].min() < 0:
        return DECLINED
    n_bins = builtins.max(int(extremes[1].max()) + 1, minlength)
    counts = count_bins(x, n_bins) if n_bins <= x.size else None
    return DECLINED if counts is None else counts


@or_numpys(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """Return what :func:`numpy.bincount` does."""
    return share_bincount(x, minlength) if is_shareable(x) and weights is None and type(minlength) is int else DECLINED


# --- Histograms -----------------------------------------------------------------------------------------------------


def is_plain(given: Any, dtype: Any) -> bool:
    """Whether a range is none, or of numbers from which NumPy makes edges without rounding them more than the edges' dtype does."""
    if given is None or (type(given) is np.ndarray and given.dtype.char in "lqd"):
        return True
    return type(given) in (tuple, list) and all(type(end) in (int, float, np.int64, np.float64, dtype.type) for end in given)


def is_wide_integer(dtype: Any) -> bool:
    """Whether integers may be more than doubles can tell."""
    return dtype.kind in "iu" and dtype.itemsize == np.dtype(np.int64).itemsize


def extent(a: Array, given: Any) -> Array:
    """Return an array of two items that has the smallest and the largest of all, or any two where nobody has to know."""
    return np.array(minmax(a), a.dtype) if given is None or is_wide_integer(a.dtype) else np.zeros(2, a.dtype)


def is_countable(extremes: Array, edges: Array) -> bool:
    """Whether items compare with the edges as in NumPy, in the dtype of the edges."""
    if edges.dtype.char not in "fd" or edges.size > MANY_BINS or not np.isfinite(edges).all():
        return False
    if not SMALLEST_WIDTH < edges[-1] - edges[0] < np.inf:
        return False
    if is_wide_integer(extremes.dtype):
        return int(extremes[0]) > -EXACT_INTEGER and int(extremes[1]) < EXACT_INTEGER
    return np.can_cast(extremes.dtype, edges.dtype, "safe")


def roundings_of(edges: Array, dtype: Any) -> float:
    """Return by how many bins an estimate made in a dtype may be wrong: some roundings of numbers as large as the edges."""
    lowest, highest = float(edges[0]), float(edges[-1])
    return float(ROUNDINGS * np.finfo(dtype).eps * edges.size * builtins.max(-lowest, highest) / (highest - lowest))


def unevenness_of(edges: Array) -> float:
    """Return by how many bins an edge may be off from where it is on an even scale."""
    places = (edges.astype(float) - float(edges[0])) * ((edges.size - 1) / (float(edges[-1]) - float(edges[0])))
    return float(np.abs(places - np.arange(edges.size)).max())


def share_uniform(a: Array, bins: int, given_range: Any) -> Any:
    """Return counts and edges for a number of bins of one width, or DECLINED.

    NumPy corrects its estimates by a bin where an edge says so. If none is wrong by as much, items are where the edges say.
    """
    extremes = extent(a, given_range)
    edges = np.histogram_bin_edges(extremes, bins, given_range)
    if not is_countable(extremes, edges):
        return DECLINED
    unevenness = unevenness_of(edges)
    if not unevenness + roundings_of(edges, edges.dtype) < WIDEST_MARGIN:
        return DECLINED
    counts = count_between(a, edges, unevenness + roundings_of(edges, float))
    return DECLINED if counts is None else (counts, edges)


def share_bytes(a: Array, bins: int, given_range: Any) -> Any:
    """Return counts and edges for small integers, of which each is counted first, or DECLINED."""
    counts = count_bins(a.view(np.uint8), N_BYTES)
    if counts is None:
        return DECLINED
    present = np.flatnonzero(counts)
    return np.histogram(present.astype(np.uint8).view(a.dtype), bins, given_range, weights=counts[present])


def share_edges(a: Array, edges: Any, given_range: Any) -> Any:
    """Return counts and edges for bins of any widths, or DECLINED."""
    parts = share_items(lambda part: np.histogram(part, edges, given_range)[0], a, (0,))
    return DECLINED if parts is DECLINED else (np.add.reduce(parts, axis=0), np.histogram(a[:0], edges, given_range)[1])


def share_histogram(a: Array, bins: Any, given_range: Any) -> Any:
    """Return counts and edges, or DECLINED; errors and warnings are left to NumPy."""
    if a.dtype.kind not in "iuf" or a.dtype == np.float16 or a.dtype.char == "g":
        return DECLINED
    try:
        with strict_errors():
            if type(bins) is int and is_plain(given_range, a.dtype):
                return (share_bytes if a.itemsize == 1 else share_uniform)(a, bins, given_range)
            return share_edges(a, bins, given_range) if type(bins) in (list, tuple, np.ndarray) and a.ndim == 1 else DECLINED
    except (TypeError, ValueError, FloatingPointError):
        return DECLINED


def density_of(counts: Any, edges: Any) -> Any:
    """Return counts as shares of the whole for each unit of width."""
    widths = np.array(np.diff(edges), float)
    return counts / widths / counts.sum()


@or_numpys(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """Return what :func:`numpy.histogram` does."""
    result = share_histogram(a, bins, range) if is_shareable(a) and weights is None else DECLINED
    if result is DECLINED:
        return DECLINED
    counts, edges = result
    try:
        with strict_errors():
            return (density_of(counts, edges) if density else counts), edges
    except FloatingPointError:  # NumPy's to tell, at the caller's line
        return DECLINED
