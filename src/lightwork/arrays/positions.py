"""Where the smallest and the largest items are, by NumPy's names and with its signatures: the first of those that are equal, as in NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from lightwork._core.lifetime import count_default_workers
from lightwork.arrays.fallback import or_numpys
from lightwork.arrays.operand import NO_VALUE, Array, axes_of, is_given, is_shareable
from lightwork.arrays.outputs import CHUNKS_PER_WORKER, DECLINED, share, share_outputs
from lightwork.arrays.reducing import place

__all__ = ["argmax", "argmin", "share_position"]


def find_in_chunks(finder: Callable[..., Any], items: Array) -> Array | None:
    """Return the position that `finder` gives for each chunk of a line of items, counted from the first of all; None where NumPy has to."""
    n_workers = count_default_workers()
    n_chunks = CHUNKS_PER_WORKER * n_workers
    if n_workers == 1 or items.size < n_chunks:
        return None
    grain = items.size // n_chunks
    positions = np.empty(items.size // grain, np.intp)

    def fill(start: int, stop: int) -> None:
        positions[start // grain] = start + finder(items[start:stop])

    return positions if share(fill, items.size, 0, grain, n_workers) else None


def first_position(finder: Callable[..., Any], a: Array) -> Any:
    """Return the position among all items, in C order, or DECLINED."""
    if a.ndim > 1 and not a.flags.c_contiguous:
        return DECLINED
    items = a.reshape(-1)
    positions = find_in_chunks(finder, items)
    try:
        return DECLINED if positions is None else positions[finder(items[positions])]
    except ValueError:  # all NaN, as far as nanargmin and nanargmax can tell of these few
        return DECLINED


def share_position(finder: Callable[..., Any], a: Array, axis: Any, keepdims: Any) -> Any:
    """Return what ``argmin`` or another `finder` of that kind does, or DECLINED."""
    keeps = is_given(keepdims) and bool(keepdims)
    if a.dtype.kind == "b":
        return DECLINED  # NumPy stops at the first that decides
    if axis is None:
        position = first_position(finder, a)
        return position if position is DECLINED or not keeps else np.full((1,) * a.ndim, position)
    axes = axes_of(axis, a.ndim)
    if len(axes) != 1 or type(axis) is tuple:
        return DECLINED
    outputs = share_outputs(functools.partial(finder, axis=axes[0], keepdims=True), a, axes, "C", cuts_anywhere=True)
    return outputs if outputs is DECLINED else place(outputs, axes, None, keeps)


@or_numpys(np.argmin)
def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.argmin` does."""
    return share_position(np.argmin, a, axis, keepdims) if is_shareable(a) and out is None else DECLINED


@or_numpys(np.argmax)
def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
    """Return what :func:`numpy.argmax` does."""
    return share_position(np.argmax, a, axis, keepdims) if is_shareable(a) and out is None else DECLINED
