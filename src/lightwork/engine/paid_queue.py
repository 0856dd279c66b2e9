"""A chunk's queue where each start has its price."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightwork.policies.limiter import Limiter

if TYPE_CHECKING:
    from lightwork.engine.chunk import Chunk

__all__ = ["PaidQueue"]


class PaidQueue:
    """
    Lets a worker have the items of its chunk as long as each may start right when the one before has ended.

    So a worker goes on by itself while the limiter has room, and what the limiter refuses goes back to those that wait for it.

    Parameters
    ----------
    chunk : Chunk
        Theirs. The first one was claimed, and paid for, before.
    limiter : Limiter
        Paid for each of the others, with the stamp that is its beginning.
    """

    __slots__ = ("_chunk", "_limiter", "_queue")

    def __init__(self, chunk: Chunk, limiter: Limiter) -> None:
        self._chunk = chunk
        self._limiter = limiter
        self._queue = chunk.queue

    def popleft(self) -> Any:
        """Take the next item and pay for it; IndexError if there is none, or it must not start now."""
        chunk = self._chunk
        position = len(chunk.values)
        if not position and chunk.claimed:
            return chunk.claimed[0]
        item = self._queue.popleft()  # before it is paid for: what is taken back then needs no refund
        if self._limiter.start(chunk.stamps[position], chunk.cost_at(position)):
            raise IndexError("it is too early for this one")
        return item
