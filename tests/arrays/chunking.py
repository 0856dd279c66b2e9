"""A witness for chunks: which ranges a callable was given, and in which threads."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from strategies import Array


class Chunk(NamedTuple):
    """One call of a chunk's function over part of an ``arange``."""

    start: int
    stop: int
    thread: int


class Witness:
    """Wraps a function of one array, so that each call of it over a part of ``arange(n)`` is remembered."""

    def __init__(self, function: Callable[[Array], Any] = np.copy) -> None:
        self.chunks: list[Chunk] = []
        self._function = function
        self._lock = threading.Lock()

    def __call__(self, view: Array) -> Any:
        """Remember the chunk by its first and last item, then do the work."""
        seen = Chunk(int(view[0]), int(view[-1]) + 1, threading.get_ident())
        with self._lock:
            self.chunks.append(seen)
        return self._function(view)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The ranges seen, in order of their start."""
        return sorted((chunk.start, chunk.stop) for chunk in self.chunks)


def told(error: BaseException) -> str:
    """Everything that an error says: its message and its notes."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])
