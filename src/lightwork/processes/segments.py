"""The segments of one call, by which its arrays reach its workers."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from lightwork._config import settings
from lightwork.processes.dumping import LARGE, Reduced, dumps_beside
from lightwork.processes.layout import ALIGNMENT, Extent, Layout, extent_of, owner_of
from lightwork.processes.loading import array_of
from lightwork.processes.mapped_file import file_of
from lightwork.processes.segment import Segment, mapping_of, memory_at

if TYPE_CHECKING:
    from lightwork.processes.layout import Array
    from lightwork.processes.segment import Token

__all__ = ["Segments", "Shipment"]

Span = tuple[int, int]  # addresses: of a first byte, and behind a last one


class Shipment:
    """
    A pickle, and what of its arrays is in memory beside it.

    Attributes
    ----------
    payload : bytes
        What :func:`loads` takes, until the shipment is released or the call ends.
    segments : set of Segment
        Those that have to last as long.
    is_alone : bool
        Whether all there is to the object is in the payload.
    """

    def __init__(self) -> None:
        self.payload: bytes = b""
        self.segments: set[Segment] = set()
        self.is_alone: bool = True


class Stored:
    """
    An array whose memory has a place in a segment: which of its bytes are there, and for whom.

    Attributes
    ----------
    segment : Segment
    """

    def __init__(self, owner: Array, segment: Segment) -> None:
        extent = extent_of(owner)
        self.segment: Segment = segment
        self._address = extent.address
        self._owner = weakref.ref(owner)
        n_in_front = extent.address % ALIGNMENT  # so that it is as aligned there as it is here
        self._start = segment.grow(n_in_front + extent.n_bytes) + n_in_front
        self._there: list[Span] = []
        self._wanted: dict[Shipment, list[Span]] = {}

    def is_current(self, owner: Array) -> bool:
        """
        Whether this is about an array, and not about one that had its number before, and nothing of it may have changed.

        Bytes may not change while somebody who has not loaded them yet, or may have to again, wants them; later they may.
        """
        wanted = _joined(span for spans in self._wanted.values() for span in spans)
        return self._owner() is owner and not any(gap for span in self._there for gap in _gaps(wanted, *span))

    def position_of(self, address: int) -> int:
        """Return where a byte of the array is in the segment."""
        return self._start + address - self._address

    def serve(self, shipment: Shipment) -> None:
        """Be there for somebody, who will say what for."""
        self._wanted.setdefault(shipment, [])

    def want(self, shipment: Shipment, span: Span) -> list[Span]:
        """Note what somebody has to find there; return what of it is not there yet."""
        self._wanted[shipment].append(span)
        return list(_gaps(self._there, *span))

    def forget(self, shipment: Shipment) -> bool:
        """Note that somebody wants nothing any more; return whether nobody does."""
        self._wanted.pop(shipment, None)
        return not self._wanted

    def note(self, spans: list[Span]) -> None:
        """Note that bytes are there."""
        self._there = _joined([*self._there, *spans])

    def write(self, span: Span) -> None:
        """Put bytes there."""
        start, stop = span
        self.segment.write(self.position_of(start), memory_at(start, stop - start))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one."""
    joined = list[Span]()
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        else:
            joined.append((start, stop))
    return joined


def _gaps(there: list[Span], start: int, stop: int) -> Iterable[Span]:
    """Yield the parts of a span that are in none of some others, which are in order and do not touch."""
    for begin, end in there:
        if begin >= stop:
            break
        if start < begin:
            yield start, begin
        start = max(start, end)
    if start < stop:
        yield start, stop


class Segments:
    """
    Memory for the arrays of one call: each is put there once for all who are sent it at a time; and so is what its views have in common.

    Arrays that are in shared memory already, as those of :func:`lightwork.shared_empty`, stay where they are. What is sent must not be
    changed, and has to be kept, until its shipment is released. Thread-safe. To be closed when the call ends; what workers have loaded
    is theirs then.
    """

    def __init__(self) -> None:
        self.directory: str | None = settings().shared_memory
        self._lock = threading.RLock()  # for signal handlers send, too
        self._stored: dict[int, Stored] = {}  # by the number of the array
        self._contents: dict[Segment, set[Stored]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all segments."""
        with self._lock:
            for segment in self._contents:
                segment.close()
            self._stored.clear()
            self._contents.clear()

    def dumps(self, obj: object, *, in_place: Iterable[Array] = ()) -> Shipment:
        """
        Pickle an object, without its large arrays, which go into segments.

        Parameters
        ----------
        obj : object
            To be kept, and its arrays not to be changed, until the shipment is released.
        in_place : iterable of ndarray
            Those of its arrays in shared memory that are to be written to there, by all.
        """
        sending = _Sending(self, {id(owner_of(array)) for array in in_place})
        try:
            sending.shipment.payload = dumps_beside(obj, sending)
        except BaseException:
            self.release(sending.shipment)
            raise
        return sending.shipment

    def release(self, shipment: Shipment) -> None:
        """Let go of what only this shipment needed, which has been loaded by all who are to load it."""
        with self._lock:
            for segment in shipment.segments & self._contents.keys():
                stored_there = self._contents[segment]
                unwanted = {stored for stored in stored_there if stored.forget(shipment)}
                self._stored = {number: stored for number, stored in self._stored.items() if stored not in unwanted}
                stored_there -= unwanted
                if not stored_there:
                    del self._contents[segment]
                    segment.close()

    def store(self, owner: Array, sending: _Sending) -> Stored:
        """Return the place of an array in a segment, where a shipment may have its bytes; one that others use, if they use all of it."""
        with self._lock:
            stored = self._stored.get(id(owner))
            if stored is None or not stored.is_current(owner):
                stored = self._stored[id(owner)] = Stored(owner, sending.segment())
                self._contents.setdefault(stored.segment, set()).add(stored)
            stored.serve(sending.shipment)
            sending.shipment.segments.add(stored.segment)
        return stored

    def write(self, stored: Stored, span: Span, shipment: Shipment) -> None:
        """Put bytes of an array into its place, if they are not there. Others may do so meanwhile, with the same bytes."""
        with self._lock:
            gaps = stored.want(shipment, span)
        for gap in gaps:
            stored.write(gap)
        with self._lock:
            stored.note(gaps)


class _Sending:
    """
    Where the arrays of one shipment go; those that are new into a segment of its own.

    Attributes
    ----------
    shipment : Shipment
    are_written_to : bool
        As of :class:`Places`.
    """

    def __init__(self, segments: Segments, in_place: set[int]) -> None:
        self.shipment: Shipment = Shipment()
        self.are_written_to: bool = bool(in_place)
        self._segments = segments
        self._in_place = in_place
        self._stored: dict[int, Stored] = {}  # so that all views of an array have the same memory there
        self._new: Segment | None = None

    def place(self, array: Array, extent: Extent, layout: Layout) -> Reduced | None:
        owner = owner_of(array)
        writes = id(owner) in self._in_place
        if not writes and extent.n_bytes < LARGE:
            return None
        token, position = self._place_of(owner, extent)
        self.shipment.is_alone = False
        return array_of, (token, position + extent.first, layout, writes)

    def _place_of(self, owner: Array, extent: Extent) -> tuple[Token, int]:
        """Return where the lowest byte of an array is that is a part of another."""
        mapping = mapping_of(owner)
        if mapping is not None:
            return mapping.token, extent.address - mapping.address
        file = file_of(owner)
        if file is not None:
            token, start = file
            return token, start + extent.address - extent_of(owner).address
        stored = self._stored.get(id(owner))
        if stored is None:
            stored = self._stored[id(owner)] = self._segments.store(owner, self)
        self._segments.write(stored, (extent.address, extent.address + extent.n_bytes), self.shipment)
        return stored.segment.token, stored.position_of(extent.address)

    def segment(self) -> Segment:
        """Return the segment for what is new."""
        if self._new is None:
            self._new = Segment.make(self._segments.directory)
        return self._new
