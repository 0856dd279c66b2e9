"""Running sums, products and others: every line of an array apart from its neighbours, and integers of one line in two passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from lightwork._core.lifetime import count_default_workers
from lightwork._core.reduction import reduction_dtype
from lightwork.arrays.cut import part_along
from lightwork.arrays.fallback import Deferred, at_callers_line, or_numpys
from lightwork.arrays.operand import Array, axes_of, drops_parts, is_shareable
from lightwork.arrays.outputs import CHUNKS_PER_WORKER, DECLINED, share
from lightwork.arrays.reducing import checked_ufunc, checked_workers

if TYPE_CHECKING:  # a millisecond and more at run time
    import numpy.typing as npt

__all__ = ["accumulate", "cumprod", "cumsum"]

#: Items that are scanned and carried on while they are in the cache.
BLOCK = 8192

#: Ufuncs whose scans of integers, in two passes, are those in one.
WRAPPING = (np.add, np.multiply)


def allocate(a: Array, dtype: np.dtype[Any], out: Any) -> Array | None:
    """Return where to write, in the memory order in which NumPy does it; None if `out` is not for chunks to write to."""
    if out is None:
        return np.empty_like(a, dtype=dtype)
    is_fitting = type(out) is np.ndarray and out.dtype == dtype and out.shape == a.shape and not np.may_share_memory(out, a)
    return out if is_fitting and out.flags.writeable else None


# --- Many lines -----------------------------------------------------------------------------------------------------


def scan_lines(ufunc: np.ufunc, a: Array, axis: int, result: Array, n_workers: int) -> bool:
    """Scan along one axis, chunks of the others at a time; tell whether it was done."""
    others = [other for other in range(a.ndim) if other != axis]
    cut = max(others, key=lambda other: a.shape[other])
    grain = -(-a.shape[cut] // (CHUNKS_PER_WORKER * n_workers))

    def fill(start: int, stop: int) -> None:
        ufunc.accumulate(part_along(a, cut, start, stop), axis=axis, dtype=result.dtype, out=part_along(result, cut, start, stop))

    return a.shape[cut] > 1 and share(fill, a.shape[cut], 0, grain, n_workers)


# --- One line -------------------------------------------------------------------------------------------------------


def scan_blocks(ufunc: np.ufunc, items: Array, result: Array, carried: Any) -> None:
    """Scan a chunk, each block of which carries on from the last item before it."""
    for start in range(0, items.size, BLOCK):
        part = result[start : start + BLOCK]
        ufunc.accumulate(items[start : start + BLOCK], dtype=result.dtype, out=part)
        ufunc(part, carried, out=part)
        carried = part[-1]


def scan_line(ufunc: np.ufunc, items: Array, result: Array, n_workers: int) -> bool:
    """Scan one line of integers: reduce chunks, scan their results, and scan each chunk from there on; tell whether it was done."""
    n_chunks = CHUNKS_PER_WORKER * n_workers
    grain = -(-items.size // n_chunks)
    totals = np.full(n_chunks + 1, ufunc.identity).astype(result.dtype)

    def reduce_chunk(start: int, stop: int) -> None:
        totals[start // grain + 1] = ufunc.reduce(items[start:stop], dtype=result.dtype)

    def fill(start: int, stop: int) -> None:
        scan_blocks(ufunc, items[start:stop], result[start:stop], totals[start // grain])

    if not share(reduce_chunk, items.size, 0, grain, n_workers):
        return False
    ufunc.accumulate(totals, out=totals)
    return share(fill, items.size, 0, grain, n_workers)


# --- The public functions -------------------------------------------------------------------------------------------


def share_scan(ufunc: np.ufunc, a: Array, axis: Any, dtype: Any, out: Any, n_workers: int) -> Any:
    """Return what ``ufunc.accumulate`` does, or DECLINED."""
    axes = axes_of(axis, a.ndim)
    n_workers = n_workers or count_default_workers()
    if type(axis) is not int or not axes or n_workers == 1 or 0 in a.strides:
        return DECLINED
    try:
        computed = reduction_dtype(ufunc, a.dtype, None if dtype is None else np.dtype(dtype))
    except TypeError:
        return DECLINED
    if computed is None or drops_parts(a.dtype, computed):
        return DECLINED
    result = allocate(a, computed, out)
    if result is None:
        return DECLINED
    if a.ndim > 1:
        is_done = scan_lines(ufunc, a, axes[0], result, n_workers)
    else:
        is_done = computed.kind in "iu" and ufunc in WRAPPING and scan_line(ufunc, a, result, n_workers)
    return result if is_done else DECLINED


@or_numpys(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Return what :func:`numpy.cumsum` does."""
    return share_flat(np.add, a, axis, dtype, out) if is_shareable(a) else DECLINED


@or_numpys(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """Return what :func:`numpy.cumprod` does."""
    return share_flat(np.multiply, a, axis, dtype, out) if is_shareable(a) else DECLINED


def share_flat(ufunc: np.ufunc, a: Array, axis: Any, dtype: Any, out: Any) -> Any:
    """Scan along an axis, or all items in C order where none is given; or DECLINED."""
    if axis is not None:
        return share_scan(ufunc, a, axis, dtype, out, 0)
    return share_scan(ufunc, a.reshape(-1), 0, dtype, out, 0) if a.ndim == 1 or a.flags.c_contiguous else DECLINED


@at_callers_line
def accumulate(
    ufunc: np.ufunc,
    array: npt.ArrayLike,
    axis: SupportsIndex = 0,
    dtype: npt.DTypeLike | None = None,
    out: Array | None = None,
    *,
    workers: SupportsIndex | None = None,
) -> Any:
    """
    Accumulate an array by a binary ufunc, on every core, with NumPy's bits.

    Parameters
    ----------
    ufunc : numpy.ufunc
        Any of two inputs and one output.
    array : array_like
        What is accumulated.
    axis : int, default 0
        Along which axis.
    dtype, out
        As of ``ufunc.accumulate``.
    workers : int, optional
        How many take part, the calling thread included. Default: :func:`configure`'s, else :func:`cpu_budget`.

    Returns
    -------
    ndarray
        What ``ufunc.accumulate`` returns for the same arguments, to the bit.

    Raises
    ------
    TypeError, ValueError
        What NumPy raises for the same call.

    Notes
    -----
    Thread-safe. Several workers take part where an array has several lines along the axis, and for sums and products of integers also where
    it has one. One line of floating-point numbers is NumPy's, on one core: in another order it would have other bits.

    Examples
    --------
    >>> import numpy as np, lightwork as lw
    >>> lw.accumulate(np.add, np.arange(100_000))[-1]
    np.int64(4999950000)
    """
    n_workers = checked_workers(workers)
    ufunc = checked_ufunc("accumulate", ufunc)
    result = share_scan(ufunc, array, axis, dtype, out, n_workers) if is_shareable(array) else DECLINED
    return Deferred(ufunc.accumulate, array, axis, dtype, out) if result is DECLINED else result
