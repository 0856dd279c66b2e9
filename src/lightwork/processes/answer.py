"""Memory for what a worker returns, which belongs to the process that asked: a worker that dies leaves nothing behind."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lightwork._config import settings
from lightwork.processes.dumping import LARGE, Reduced, dumps_beside
from lightwork.processes.layout import ALIGNMENT, Extent, Layout
from lightwork.processes.segment import Segment, Token, memory_at

if TYPE_CHECKING:
    from lightwork.processes.layout import Array

__all__ = ["Answer", "answer_with"]


class _Local(threading.local):
    """What a thread reads from in the middle of a load."""

    segment: Segment | None = None


_local = _Local()


class Answer:
    """
    What one task is to return; its large arrays come beside the pickle, into ordinary memory.

    Attributes
    ----------
    token : Token
        For the worker, which gives it to :func:`answer_with`.
    """

    def __init__(self) -> None:
        self._segment = Segment.make(settings().shared_memory)
        self.token: Token = self._segment.token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def loads(self, payload: bytes) -> Any:
        """Load what :func:`answer_with` made of it."""
        before, _local.segment = _local.segment, self._segment
        try:
            return pickle.loads(payload)  # noqa: S301 - from a worker of this process
        finally:
            _local.segment = before

    def close(self) -> None:
        """End its memory, whether there was an answer or not."""
        self._segment.close()


def answer_with(obj: object, token: Token) -> bytes:
    """Return the pickle of an object, whose large arrays go into the memory that a token tells of; in a worker."""
    places = _Places(token)
    try:
        return dumps_beside(obj, places)
    finally:
        places.close()


class _Places:
    """Puts arrays one behind the other."""

    are_written_to = False

    def __init__(self, token: Token) -> None:
        self._token = token
        self._segment: Segment | None = None

    def place(self, array: Array, extent: Extent, layout: Layout) -> Reduced | None:  # noqa: ARG002 - see Places
        if extent.n_bytes < LARGE:
            return None
        if self._segment is None:
            self._segment = Segment.at(self._token, writes=True)
        n_in_front = extent.address % ALIGNMENT  # so that it is as aligned there as it is here
        start = self._segment.grow(n_in_front + extent.n_bytes)
        self._segment.write(start + n_in_front, memory_at(extent.address, extent.n_bytes))
        return array_from, (start, n_in_front + extent.n_bytes, n_in_front + extent.first, layout)

    def close(self) -> None:
        if self._segment is not None:
            self._segment.close()


def array_from(start: int, n_bytes: int, first: int, layout: Layout) -> Array:
    """Return an array that a worker has put into the answer that is being loaded."""
    if _local.segment is None:
        raise pickle.UnpicklingError("an answer's arrays can only be loaded by the Answer that they were made for")
    memory = np.empty(n_bytes, np.uint8)
    _local.segment.read(start, memory.data)
    return layout.array_in(memory, first)
