"""The segments of one call, by which its arrays reach its workers."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

from lightwork._config import settings
from lightwork.processes.dumping import LARGE, Reduced, dumps_beside
from lightwork.processes.layout import ALIGNMENT, Extent, Layout, extent_of, owner_of
from lightwork.processes.loading import array_of
from lightwork.processes.mapped_file import file_of
from lightwork.processes.segment import Segment, mapping_of, memory_at

if TYPE_CHECKING:
    from lightwork.processes.layout import Array

__all__ = ["Parcel", "Segments"]

KEPT_BYTES = 1 << 28  # of arrays that no parcel is about, in case that they are sent again


class Stored:
    """An array whose memory has a place in a segment, and which of its bytes are there already."""

    def __init__(self, owner: Array, segment: Segment) -> None:
        extent = extent_of(owner)
        self.segment: Segment = segment
        self.address: int = extent.address
        self._owner = weakref.ref(owner)
        n_in_front = extent.address % ALIGNMENT  # so that it is as aligned there as it is here
        self._start = segment.grow(n_in_front + extent.n_bytes) + n_in_front
        self._there: list[tuple[int, int]] = []

    def is_of(self, owner: Array) -> bool:
        """Whether this is about an array, and not about one that had its number before."""
        return self._owner() is owner

    def position_of(self, address: int) -> int:
        """Return where a byte of the array is in the segment."""
        return self._start + address - self.address

    def write(self, extent: Extent) -> None:
        """Put the bytes of an extent into the segment that are not there yet."""
        gaps = list(_gaps(self._there, extent.address, extent.address + extent.n_bytes))
        for start, stop in gaps:
            self.segment.write(self.position_of(start), memory_at(start, stop - start))
        self._there = sorted([*self._there, *gaps])


def _gaps(there: list[tuple[int, int]], start: int, stop: int) -> Iterable[tuple[int, int]]:
    """Yield the parts of a range that are in none of some disjoint ones, which are sorted."""
    for begin, end in there:
        if begin >= stop:
            break
        if start < begin:
            yield start, begin
        start = max(start, end)
    if start < stop:
        yield start, stop


class Parcel:
    """
    A pickle, and the segments that its arrays are in.

    Attributes
    ----------
    payload : bytes
        What :func:`loads` takes, until the parcel is released or the call ends.
    segments : set of Segment
        Those that have to last as long.
    """

    def __init__(self) -> None:
        self.payload: bytes = b""
        self.segments: set[Segment] = set()


class Segments:
    """
    Memory for the arrays of one call: each is put there once, however often it is sent; and so is what its views have in common.

    Arrays that are in shared memory already, as those of :func:`lightwork.shared_empty`, stay where they are. What is sent must not be
    changed, and has to be kept, until it has been loaded. Thread-safe. To be closed when the call ends; what workers have loaded is
    theirs then.
    """

    def __init__(self) -> None:
        self.directory: str | None = settings().shared_memory
        self._lock = threading.Lock()
        self._stored: dict[int, Stored] = {}
        self._idle: OrderedDict[Segment, None] = OrderedDict()  # of which no parcel is out, the longest first
        self._n_parcels: dict[Segment, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all segments."""
        with self._lock:
            for segment in (*self._n_parcels, *self._idle):
                segment.close()
            self._stored.clear()
            self._idle.clear()
            self._n_parcels.clear()

    def dumps(self, obj: object, *, in_place: Iterable[Array] = ()) -> Parcel:
        """
        Pickle an object, without its large arrays, which go into segments.

        Parameters
        ----------
        obj : object
            To be kept, and its arrays not to be changed, until the pickle has been loaded.
        in_place : iterable of ndarray
            Those of its arrays in shared memory that are to be written to there, by all.
        """
        with self._lock:
            sending = _Sending(self, {id(owner_of(array)) for array in in_place})
            try:
                sending.parcel.payload = dumps_beside(obj, sending)
            finally:
                self._take(sending.parcel)
        return sending.parcel

    def _take(self, parcel: Parcel) -> None:
        for segment in parcel.segments:
            self._idle.pop(segment, None)
            self._n_parcels[segment] = self._n_parcels.get(segment, 0) + 1

    def release(self, parcel: Parcel) -> None:
        """Take note that a parcel has done its duty."""
        with self._lock:
            for segment in parcel.segments & self._n_parcels.keys():
                self._n_parcels[segment] -= 1
                if not self._n_parcels[segment]:
                    del self._n_parcels[segment]
                    self._idle[segment] = None
            self._trim()

    def stored(self, owner: Array, segment: Callable[[], Segment]) -> Stored:
        """Return what is known of an array; if that is nothing, after making room for it in a segment."""
        stored = self._stored.get(id(owner))
        if stored is None or not stored.is_of(owner):
            stored = self._stored[id(owner)] = Stored(owner, segment())
        return stored

    def _trim(self) -> None:
        """Let go of what was not sent for longest, where there is too much of it; the last one may be the one that all items have."""
        n_bytes = sum(segment.n_bytes for segment in self._idle)
        while n_bytes > KEPT_BYTES and len(self._idle) > 1:
            segment, _ = self._idle.popitem(last=False)
            n_bytes -= segment.n_bytes
            self._stored = {number: stored for number, stored in self._stored.items() if stored.segment is not segment}
            segment.close()


class _Sending:
    """Where the arrays of one parcel go; those that are new into a segment of its own."""

    def __init__(self, segments: Segments, in_place: set[int]) -> None:
        self.parcel: Parcel = Parcel()
        self._segments = segments
        self._in_place = in_place
        self._new: Segment | None = None

    def place(self, array: Array, extent: Extent, layout: Layout) -> Reduced | None:
        owner = owner_of(array)
        writes = id(owner) in self._in_place
        if not writes and extent.n_bytes < LARGE:
            return None
        mapping = mapping_of(owner)
        if mapping is not None:
            return array_of, (mapping.token, extent.address - mapping.address + extent.first, layout, writes)
        file = file_of(owner)
        if file is not None:
            token, start = file
            return array_of, (token, start + extent.address - extent_of(owner).address + extent.first, layout, writes)
        stored = self._segments.stored(owner, self._segment)
        self.parcel.segments.add(stored.segment)
        stored.write(extent)
        return array_of, (stored.segment.token, stored.position_of(extent.address) + extent.first, layout, writes)

    def _segment(self) -> Segment:
        if self._new is None:
            self._new = Segment.make(self._segments.directory)
        return self._new
