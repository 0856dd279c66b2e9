"""Arrays that lie in a file already, which other processes can map as well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightwork.processes.segment import Token

if TYPE_CHECKING:
    from lightwork.processes.layout import Array

__all__ = ["file_of"]

MAPS = Path("/proc/self/maps")


def file_of(owner: Array) -> tuple[Token, int] | None:
    """
    Return the file of a memory-mapped array, and where the array begins in it.

    None for other arrays, for those that are changed in memory only, and where it cannot be told that the file of that name is still the one
    that is mapped.
    """
    memory: Any = owner  # NumPy's stubs are of two minds about its attributes
    if not isinstance(owner, np.memmap) or memory.filename is None or memory.mode == "c":
        return None
    path = Path(memory.filename)
    try:
        status = path.stat()
        if _file_at(memory.__array_interface__["data"][0]) != (status.st_dev, status.st_ino):
            return None
    except OSError:  # it has been removed, or nobody tells
        return None
    return Token(str(path), status.st_dev, status.st_ino, None), memory.offset


def _file_at(address: int) -> tuple[int, int] | None:
    """Return the device and inode of the file that is mapped at an address of this process."""
    for line in MAPS.read_bytes().splitlines():
        span, _, _, device, inode = line.split(maxsplit=5)[:5]
        start, stop = (int(bound, 16) for bound in span.split(b"-"))
        if start <= address < stop:
            major, minor = (int(number, 16) for number in device.split(b":"))
            return os.makedev(major, minor), int(inode)
    return None
