"""Objects on their way to another process: their arrays go beside the pickle, in memory that both can map."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lightwork.processes.layout import ALIGNMENT, Extent, Layout, dense, extent_of, is_plain, owner_of
from lightwork.processes.loading import array_in
from lightwork.processes.mapped_file import file_of
from lightwork.processes.pickling import PROTOCOL, pickling
from lightwork.processes.segment import mapping_of, memory_at

if TYPE_CHECKING:
    from lightwork.processes.layout import Array

__all__ = ["LARGE", "Places", "Reduced", "dumps_beside"]

#: From how many bytes on an array goes beside the pickle. Measured, with a pipe: 128 kB take 240 us in the pickle and 275 us in a segment;
#: 256 kB take as long in either, 512 kB half as long in a segment, and 8 MB a quarter.
LARGE = 1 << 18

EXPORTED_KINDS = "biufcSU"  # of dtypes of which arrays are buffers to others, which a pickle keeps as writeable as they are

Reduced = tuple[Any, ...]  # what a pickle has in an object's place: a function, and what to call it with


class Places(Protocol):
    """
    Who knows where arrays can go.

    Attributes
    ----------
    are_written_to : bool
        Whether some arrays, even small ones, are to be written to where they are.
    """

    are_written_to: bool

    def place(self, array: Array, extent: Extent, layout: Layout) -> Reduced | None:
        """Put an array somewhere; None: nowhere but into the pickle."""
        ...


def dumps_beside(obj: object, places: Places) -> bytes:
    """Pickle an object; functions that no other process could find by their names by value, if ``cloudpickle`` is there."""
    file = io.BytesIO()
    pickler = _pickler()(file, protocol=PROTOCOL)
    pickler.places = places
    pickler.dump(obj)
    return file.getvalue()


class _Arrays:
    """What a pickler does with arrays, before another that knows what to do with the rest."""

    places: Places

    def reducer_override(self, obj: object) -> Any:
        if is_plain(obj) and (self.places.are_written_to or not _is_well_pickled(obj)):
            return reduced(obj, self.places)
        others: Any = getattr(super(), "reducer_override", None)
        return NotImplemented if others is None else others(obj)


@functools.cache
def _pickler() -> Any:
    """Return a class over the best pickler that there is."""
    return type("ArrayPickler", (_Arrays, pickling().Pickler), {})


def _is_well_pickled(array: Array) -> bool:
    """Whether NumPy itself pickles a small array with its strides and flags, which it does several times as fast."""
    flags = array.flags
    is_dense = flags.forc and flags.aligned and min(array.shape, default=0) > 1  # along an axis of one item the stride may be anything
    return is_dense and array.nbytes < LARGE and array.dtype.kind in EXPORTED_KINDS and type(array) is np.ndarray


def reduced(array: Array, places: Places) -> Reduced:
    """Return what a pickle has in an array's place: where it is, or its bytes."""
    owner = owner_of(array)
    near = array if mapping_of(owner) or file_of(owner) else dense(array)
    layout, extent = Layout.of(near, like=array), extent_of(near)
    # What is in the pickle begins where arrays are aligned; one that is not gets as many bytes in front as it takes.
    n_in_front = 0 if near.flags.aligned else extent.address % ALIGNMENT
    return places.place(near, extent, layout) or (array_in, (_bytes_of(extent, layout, n_in_front), n_in_front + extent.first, layout))


def _bytes_of(extent: Extent, layout: Layout, n_in_front: int) -> bytes | bytearray:
    """Return the bytes of an array, in what can be written to if that may be."""
    kind = bytearray if layout.is_writeable else bytes
    return kind(b"").join((bytes(n_in_front), memory_at(extent.address, extent.n_bytes)))
