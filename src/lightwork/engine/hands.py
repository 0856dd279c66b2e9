"""What workers have in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from lightwork.engine.chunk import Chunk

__all__ = ["Hands"]


class Hands:
    """
    The chunks that workers have, and those of which nobody waits for the rest.

    Parameters
    ----------
    n_workers : int
        How many chunks there may be at a time; one that is abandoned still keeps its worker.

    Attributes
    ----------
    late : deque of Chunk
        Those whose item took too long, until somebody judges it.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self.late: deque[Chunk] = deque()
        self._running: set[Chunk] = set()
        self._n_abandoned = 0
        self._n_late = 0

    @property
    def n_free(self) -> int:
        """How many workers have nothing."""
        return self.n_workers - len(self._running) - self._n_abandoned

    @property
    def n_running(self) -> int:
        """How many have something that somebody waits for."""
        return len(self._running)

    @property
    def are_all_free(self) -> bool:
        """Whether no worker has anything, wanted or not, and nothing is to be judged."""
        return self.are_empty and not self._n_abandoned

    @property
    def are_empty(self) -> bool:
        """Whether nothing is to be waited for."""
        return not self._running and not self._n_late

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks that somebody waits for, whatever becomes of them meanwhile."""
        return iter(list(self._running))

    def take(self, chunk: Chunk) -> None:
        """Give a chunk to a worker."""
        chunk.stage.n_running += 1
        self._running.add(chunk)

    def put_down(self, chunk: Chunk) -> None:
        """Take a chunk back from its worker."""
        chunk.stage.n_running -= 1
        chunk.stage.pass_on(chunk)
        if chunk.is_abandoned:
            self._n_abandoned -= 1
        else:
            self._running.discard(chunk)

    def abandon(self, chunk: Chunk) -> None:
        """Leave a chunk to its worker."""
        chunk.is_abandoned = True
        chunk.stage.pass_on(chunk)
        chunk.take_back()
        self._running.discard(chunk)
        self._n_abandoned += 1

    def abandon_late(self, chunk: Chunk) -> None:
        """Leave a chunk to its worker, but for what becomes of its item."""
        self.abandon(chunk)
        self._n_late += 1
        self.late.append(chunk)

    def judged(self) -> None:
        """Note that one of the late was."""
        self._n_late -= 1

    def forget_late(self) -> None:
        """Let none of them be judged."""
        self.late.clear()
        self._n_late = 0
