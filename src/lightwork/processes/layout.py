"""Where an array's items lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

__all__ = ["ALIGNMENT", "Extent", "Layout", "dense", "extent_of", "is_plain", "owner_of"]

PLAIN_KINDS = "biufcmMSUV"
ALIGNMENT = 16  # of the memory that a pickle is loaded into; no dtype of NumPy's wants more
MOST_BYTES_FOR_EACH = 2  # of an array's memory, for each byte of its items, that are worth sending to keep its strides


class Layout(NamedTuple):
    """How an array looks upon memory."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    is_writeable: bool

    @classmethod
    def of(cls, array: Array, *, like: Array) -> Layout:
        """Return an array's layout, as writeable as another is."""
        return cls(array.dtype, array.shape, array.strides, like.flags.writeable)

    def array_in(self, buffer: Any, offset: int) -> Array:
        """Return the array whose first item is at an offset in a buffer."""
        array: Array = np.ndarray(self.shape, self.dtype, buffer, offset, self.strides)
        if not self.is_writeable:
            array.flags.writeable = False
        return array


class Extent(NamedTuple):
    """The memory from an array's lowest byte to its highest; `first` is where its first item is in that."""

    address: int
    n_bytes: int
    first: int


def is_plain(obj: object) -> TypeGuard[Array]:
    """Whether something is an array, not of a subclass but ``np.memmap``, whose bytes are all there is to it."""
    array: Any = obj
    return type(obj) in (np.ndarray, np.memmap) and array.dtype.kind in PLAIN_KINDS and not array.dtype.hasobject


def extent_of(array: Array) -> Extent:
    """Return the extent of an array."""
    address: int = array.__array_interface__["data"][0]
    if array.size == 0:
        return Extent(address, 0, 0)
    steps = [(length - 1) * stride for length, stride in zip(array.shape, array.strides, strict=True)]
    below = -sum(step for step in steps if step < 0)
    above = sum(step for step in steps if step > 0)
    return Extent(address - below, below + above + array.itemsize, below)


def dense(array: Array) -> Array:
    """Return an array as it is or, if its items lie far apart, a copy without what is between them, in the same order of axes."""
    return array if extent_of(array).n_bytes <= MOST_BYTES_FOR_EACH * max(array.nbytes, 1) else array.copy(order="K")


def owner_of(array: Array) -> Array:
    """Return the array of which another is a view, if that has all of its memory; else the array itself."""
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    inner, outer = extent_of(array), extent_of(owner)
    is_inside = outer.address <= inner.address and inner.address + inner.n_bytes <= outer.address + outer.n_bytes
    return owner if is_inside else array
