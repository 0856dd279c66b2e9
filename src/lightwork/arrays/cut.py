"""Arrays cut along an axis, into parts that belong together."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterator
from typing import SupportsIndex

import numpy as np

from lightwork.arrays.operand import Array

__all__ = ["Cut", "axis_number", "noted", "part_along"]


def axis_number(axis: SupportsIndex) -> int:
    """Return the axis as a number; refuse what is none."""
    try:
        return operator.index(axis)
    except TypeError:
        raise TypeError(f"axis must be a whole number, not {axis!r}: arrays are cut along one axis") from None


class Cut:
    """Arrays and the axis along which they are cut; checks that they can be cut together."""

    def __init__(self, arrays: list[Array], axis: SupportsIndex) -> None:
        axis = axis_number(axis)
        n_dimensions = max(array.ndim for array in arrays)
        if n_dimensions == 0 and any(isinstance(array.item(), Iterator) for array in arrays):
            raise TypeError("an iterator cannot be cut: make a list or an array of it, or call parallel_map, which takes its items one by one")
        if n_dimensions == 0:
            raise ValueError("there is nothing to cut: all arrays are 0-dimensional; call the function itself")
        if not -n_dimensions <= axis < n_dimensions:
            raise np.exceptions.AxisError(axis, n_dimensions)
        self.arrays: list[Array] = arrays
        self.axis: int = axis
        self.length: int = self._common_length()
        self._cut: list[bool] = [self._is_cut(array) for array in arrays]

    def _length_of(self, array: Array) -> int | None:
        """How long an array is along the axis; None if it is passed whole."""
        if array.ndim == 0:
            return None
        if not -array.ndim <= self.axis < array.ndim:
            raise ValueError(f"an array of shape {array.shape} has no axis {self.axis} to cut; give it one, or bind it by functools.partial")
        return int(array.shape[self.axis])

    def _common_length(self) -> int:
        lengths = {length for length in map(self._length_of, self.arrays) if length is not None}
        if len(lengths) > 1:
            lengths.discard(1)  # passed whole, to be broadcast by the callable
        if len(lengths) > 1:
            shapes = ", ".join(str(array.shape) for array in self.arrays)
            raise ValueError(
                f"arrays of shapes {shapes} are not equally long along axis {self.axis}; cut them to one length, or bind "
                "those that every chunk needs whole by functools.partial"
            )
        return lengths.pop()

    def _is_cut(self, array: Array) -> bool:
        """Whether an array is cut, not passed whole."""
        return self._length_of(array) == self.length

    def parts(self, start: int, stop: int) -> list[Array]:
        """Return the views that the callable gets for a chunk."""
        pairs = zip(self.arrays, self._cut, strict=True)
        return [part_along(array, self.axis, start, stop) if is_cut else array for array, is_cut in pairs]


def part_along(array: Array, axis: int, start: int, stop: int) -> Array:
    """Return the view of ``[start, stop)`` along one axis."""
    view: Array = array[(*(slice(None),) * (axis % array.ndim), slice(start, stop))]
    return view


def noted(error: BaseException, start: int, stop: int, axis: int, where: str = "in chunk") -> BaseException:
    """Return the error of a chunk with a note of which one it was; or of whatever else was done about these positions."""
    with contextlib.suppress(TypeError):  # some errors cannot be noted upon: they are raised all the same
        error.add_note(f"{where} [{start}, {stop}) of axis {axis}")
    return error
