"""What a worker process is at, written where it can be read after its death."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

__all__ = ["Record"]

ENTRY = struct.Struct("=QQ")


class Record:
    """
    The serial number of a chunk and a position in it, in a few bytes of memory that two processes share.

    Parameters
    ----------
    path : Path
        A file of that size, which is not needed any more once both have it mapped.

    Notes
    -----
    One process writes, and the other reads when the first is dead: no order of memory is asked for.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), ENTRY.size)

    @classmethod
    def create(cls, path: Path) -> Record:
        """Return a record in a new file; chunk 0 stands for none."""
        path.write_bytes(bytes(ENTRY.size))
        return cls(path)

    def write(self, serial: int, position: int) -> None:
        """Note what is begun."""
        ENTRY.pack_into(self._memory, 0, serial, position)

    def position_in(self, serial: int) -> int | None:
        """Return what was begun last in a chunk, or None if nothing was."""
        written, position = ENTRY.unpack_from(self._memory)
        return position if written == serial else None
