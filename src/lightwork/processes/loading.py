"""Arrays as they arrive in another process."""

from __future__ import annotations

import mmap
import pickle
import threading
from typing import TYPE_CHECKING, Any

from lightwork.processes.layout import Layout
from lightwork.processes.segment import Mapping, Segment, Token

if TYPE_CHECKING:
    from lightwork.processes.layout import Array

__all__ = ["array_in", "array_of", "loads"]


class _Local(threading.local):
    """What a thread has mapped in the middle of a load."""

    mappings: dict[tuple[Token, int], Mapping] | None = None


_local = _Local()


def loads(payload: bytes) -> Any:
    """
    Load what :meth:`Segments.dumps` or :meth:`Answer.dumps` made, in any process.

    Each segment is mapped once for all of it, and for as long as something uses an array that lies in it. Arrays may be written to if the
    originals may: a page that is written to becomes this process's own, as a copy would be from the beginning, unless the array was
    sent to be written to in place.
    """
    before, _local.mappings = _local.mappings, {}  # a load within a load has its own
    try:
        return pickle.loads(payload)  # noqa: S301 - it is the caller's own, from a process of this program
    finally:
        _local.mappings = before


def array_in(data: bytes | bytearray, first: int, layout: Layout) -> Array:
    """Return an array that came in the pickle."""
    return layout.array_in(data, first)


def array_of(token: Token, first: int, layout: Layout, writes: bool) -> Array:
    """Return an array that lies in a segment."""
    # Of what nobody may write to, the system needs to set no memory aside for pages that become this process's own.
    access = mmap.ACCESS_WRITE if writes else mmap.ACCESS_COPY if layout.is_writeable else mmap.ACCESS_READ
    if _local.mappings is None:  # loaded by somebody else
        return layout.array_in(_map(token, access), first)
    mapping = _local.mappings.get((token, access))
    if mapping is None:
        mapping = _local.mappings[token, access] = _map(token, access)
    return layout.array_in(mapping, first)


def _map(token: Token, access: int) -> Mapping:
    segment = Segment.at(token, writes=access == mmap.ACCESS_WRITE)
    try:
        return segment.map(access)
    finally:
        segment.close()  # the mapping has a descriptor of its own
