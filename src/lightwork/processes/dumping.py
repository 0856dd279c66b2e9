"""Objects on their way to another process: their arrays go beside the pickle, in memory that both can map."""

from __future__ import annotations

import importlib
import io
import pickle
from typing import TYPE_CHECKING, Any, Protocol

from lightwork.processes.layout import ALIGNMENT, Extent, Layout, dense, extent_of, is_plain, owner_of
from lightwork.processes.loading import array_in
from lightwork.processes.mapped_file import file_of
from lightwork.processes.segment import mapping_of, memory_at

if TYPE_CHECKING:
    from lightwork.processes.layout import Array

__all__ = ["LARGE", "Places", "Reduced", "dumps_beside"]

#: From how many bytes on an array goes beside the pickle. Measured, with a pipe: 128 kB take 240 us in the pickle and 275 us in a segment;
#: 256 kB take as long in either, 512 kB half as long in a segment, and 8 MB a quarter.
LARGE = 1 << 18

Reduced = tuple[Any, ...]  # what a pickle has in an object's place: a function, and what to call it with


class Places(Protocol):
    """Who knows where arrays can go."""

    def place(self, array: Array, extent: Extent, layout: Layout) -> Reduced | None:
        """Put an array somewhere; None: nowhere but into the pickle."""
        ...


def dumps_beside(obj: object, places: Places) -> bytes:
    """Pickle an object; functions that no other process could find by their names by value, if ``cloudpickle`` is there."""
    file = io.BytesIO()
    pickler = _pickler()(file, protocol=5)
    pickler.places = places
    pickler.dump(obj)
    return file.getvalue()


class _Arrays:
    """What a pickler does with arrays, before another that knows what to do with the rest."""

    places: Places

    def reducer_override(self, obj: object) -> Any:
        if is_plain(obj):
            return reduced(obj, self.places)
        others: Any = getattr(super(), "reducer_override", None)
        return NotImplemented if others is None else others(obj)


_kind: Any = None


def _pickler() -> Any:
    """Return a class over the best pickler that there is."""
    global _kind  # noqa: PLW0603 - made once; two threads that are the first make two, of which either will do
    if _kind is None:
        try:
            others: Any = importlib.import_module("cloudpickle").Pickler
        except ImportError:
            others = pickle.Pickler
        _kind = type("ArrayPickler", (_Arrays, others), {})
    return _kind


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
