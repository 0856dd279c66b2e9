"""NumPy's own functions over views of an array, many at a time: each output is made by one call, or is joined of what several made."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from lightwork._core.calls import run_calls
from lightwork._core.lifetime import count_default_workers
from lightwork.arrays.chunks import WORTH_SHARING_NS
from lightwork.arrays.cut import part_along
from lightwork.arrays.operand import Array

__all__ = ["DECLINED", "share_items", "share_outputs", "strict_errors"]

#: Reduces a view along some axes and keeps these with length one.
Reducer: TypeAlias = Callable[[Array], Any]

#: What is returned where NumPy has to make the whole call. Nothing was written then that it would read.
DECLINED: Any = NotImplemented

CHUNKS_PER_WORKER = 4  # enough to even out what differs; each costs a call of Python under the GIL
FIRST_SHARE = 64  # of the range is what the caller begins with, to see what it costs
LANES = 64  # cuts across the innermost axis are where vectors begin, so that loops meet the same remainders
FEWEST = 2  # positions in a chunk: an axis with one alone NumPy's iterator drops, after which it may take the others in another order
FIRST_BYTES = 16_384  # and no less than this, so that the clock tells something


def strict_errors() -> np.errstate:
    """Make an error of whatever the caller would hear of: then NumPy makes the whole call, and reports once, in its words."""
    actions: Any = {kind: "ignore" if action == "ignore" else "raise" for kind, action in np.geterr().items()}
    return np.errstate(**actions)


def share(fill: Callable[[int, int], None], length: int, start: int, grain: int, n_workers: int) -> bool:
    """Fill ``[start, length)`` in chunks of `grain`, the last of which takes in the rest; tell whether nothing was raised."""
    n_chunks = max(1, (length - start) // grain)

    def fill_chunks(first: int, last: int) -> None:
        for chunk in range(first, last):
            fill(start + chunk * grain, length if chunk == n_chunks - 1 else start + (chunk + 1) * grain)

    with strict_errors():
        failure = run_calls(fill_chunks, n_chunks, 1, n_workers)
    if failure is None:
        return True
    try:
        if isinstance(failure[2], Exception):
            return False
        raise failure[2]
    finally:
        del failure


def rounded(length: int, multiple: int) -> int:
    """Return the next multiple, and no less than what may stand in a chunk."""
    return max(FEWEST, -(-length // multiple) * multiple)


def widest(array: Array, axes: tuple[int, ...], shortest: int) -> int | None:
    """Return the axis along which cuts leave the longest pieces of memory whole; None if all are too short to be cut."""
    long = [axis for axis in axes if array.shape[axis] >= shortest]
    return max(long, key=lambda axis: abs(array.strides[axis]), default=None)


def is_outermost(array: Array, cut: int) -> bool:
    """Whether cuts leave pieces of memory whole; else NumPy's calls would take longer for the pieces than for all of it."""
    return abs(array.strides[cut]) == max(abs(stride) for stride, length in zip(array.strides, array.shape, strict=True) if length > 1)


# --- Over outputs ---------------------------------------------------------------------------------------------------


class Outputs:
    """The outputs of a reduction, cut along an axis that it keeps."""

    def __init__(self, reducer: Reducer, array: Array, axes: tuple[int, ...], cut: int, order: str) -> None:
        self.reducer: Reducer = reducer
        self.array: Array = array
        self.axes: tuple[int, ...] = axes
        self.cut: int = cut
        self.order: Any = order
        self.result: Array = np.empty(0)  # until the first chunk told its dtype

    def allocate(self, dtype: np.dtype[Any]) -> None:
        """Make room for all outputs, in the memory order in which NumPy does it."""
        pattern = self.array[tuple(slice(0, 1) if axis in self.axes else slice(None) for axis in range(self.array.ndim))]
        self.result = np.empty_like(pattern, dtype=dtype, order=self.order)

    def fill(self, start: int, stop: int) -> None:
        """Reduce one chunk."""
        part_along(self.result, self.cut, start, stop)[...] = self.reducer(part_along(self.array, self.cut, start, stop))

    def begin(self, length: int) -> None:
        """Reduce the first positions, and learn the dtype from them."""
        first = self.reducer(part_along(self.array, self.cut, 0, length))
        self.allocate(first.dtype)
        part_along(self.result, self.cut, 0, length)[...] = first


def share_outputs(reducer: Reducer, array: Array, axes: tuple[int, ...], order: str = "K", n_workers: int = 0, *, cuts_anywhere: bool = False) -> Any:
    """
    Reduce an array along `axes`, several outputs at a time, each by one of NumPy's calls.

    What NumPy computes for an output does not depend on how many others it computes in the same call, as long as there is another
    along the axis that is cut. Returns the outputs, with the axes kept, or DECLINED. `cuts_anywhere` if NumPy copies what it reads
    anyway, so that it is no slower for pieces of rows.
    """
    kept = tuple(axis for axis in range(array.ndim) if axis not in axes)
    n_workers = n_workers or count_default_workers()
    cut = widest(array, kept, 4 * FEWEST)
    if cut is None or n_workers == 1 or 0 in array.strides or not (cuts_anywhere or is_outermost(array, cut)):
        return DECLINED
    length, multiple = array.shape[cut], LANES if abs(array.strides[cut]) == array.itemsize else 1
    outputs = Outputs(reducer, array, axes, cut, order)
    first = rounded(max(length // FIRST_SHARE, length * FIRST_BYTES // array.nbytes), multiple)
    if length - first < FEWEST:
        return DECLINED
    began = time.perf_counter_ns()
    try:
        with strict_errors():
            outputs.begin(first)
    except Exception:  # NumPy's to raise
        return DECLINED
    rest_ns = (time.perf_counter_ns() - began) * (length - first) / first
    grain = rounded(-(-(length - first) // (CHUNKS_PER_WORKER * n_workers)), multiple) if rest_ns > WORTH_SHARING_NS else length
    return outputs.result if share(outputs.fill, length, first, grain, n_workers) else DECLINED


# --- Over items -----------------------------------------------------------------------------------------------------


def share_items(reducer: Reducer, array: Array, axes: tuple[int, ...], n_workers: int = 0) -> Any:
    """
    Reduce chunks of an array, cut along one of the `axes` that are reduced, where the grouping cannot show.

    Returns the chunks' results in order, with the axes kept, or DECLINED.
    """
    n_workers = n_workers or count_default_workers()
    n_chunks = CHUNKS_PER_WORKER * n_workers
    cut = widest(array, axes, 2 * n_chunks)
    n_outputs = math.prod(length for axis, length in enumerate(array.shape) if axis not in axes)
    if cut is None or n_workers == 1 or n_outputs * n_chunks * FIRST_SHARE > array.size:
        return DECLINED
    length = array.shape[cut]
    grain = -(-length // n_chunks)
    parts: list[Any] = [None] * max(1, length // grain)

    def fill(start: int, stop: int) -> None:
        parts[start // grain] = reducer(part_along(array, cut, start, stop))

    return parts if share(fill, length, 0, grain, n_workers) else DECLINED
