"""A piece of memory that other processes can map."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import weakref
from pathlib import Path
from typing import NamedTuple, Self

from lightwork.processes.files import File, make_file, no_room, path_of

__all__ = ["ALIGNMENT", "Mapping", "Segment", "Token", "mapping_of", "memory_at"]

ALIGNMENT = mmap.PAGESIZE  # of what is put into a segment

#: What a system says that has no room for a file, for it is full, or a quota or the limit on files is reached.
NO_ROOM = (errno.ENOSPC, errno.ENOMEM, errno.EFBIG, errno.EDQUOT)


class Token(NamedTuple):
    """
    By what other processes find a segment, and see that it is the one that was meant.

    Attributes
    ----------
    path : str
        Of its file, as its owner has it open.
    device, inode : int
        What the file is known by, for the same path may be another's later.
    directory : str or None
        That it takes its room from.
    """

    path: str
    device: int
    inode: int
    directory: str | None


class Mapping(mmap.mmap):
    """A segment as memory of this process. Arrays that lie in it keep it."""

    segment: Segment | None = None  # that others may be sent to: what is written here is written there
    address: int = 0

    @property
    def token(self) -> Token:
        """That of its segment, for others."""
        if self.segment is None:
            raise ValueError("what is mapped from another process is that one's to send")
        return self.segment.token


class Segment:
    """
    Memory that its owner's token lets others map.

    It ends with its owner's object, by :meth:`close` or with the process; those that have mapped it keep what they have.

    Parameters
    ----------
    file : File
        That holds it, which is closed with this.

    Attributes
    ----------
    n_bytes : int
        How many have been asked for here.
    """

    def __init__(self, file: File) -> None:
        self.n_bytes: int = 0
        self._file = file
        self._close = weakref.finalize(self, _close, file, os.getpid())
        self._close.atexit = file.name is not None  # the system does the rest for a process that ends

    @classmethod
    def make(cls, directory: str | None) -> Self:
        """Return a new one, which takes its room from a directory or, if that is None, from memory without a file system."""
        return cls(make_file(directory))

    @classmethod
    def at(cls, token: Token, *, writes: bool) -> Self:
        """Return another process's, for as long as that has it."""
        return cls(File(open_token(token, writes=writes), None, token.directory))

    @property
    def token(self) -> Token:
        """Its token, if this process owns it, or its parent that forked it does."""
        status = os.fstat(self._file.descriptor)
        return Token(path_of(self._file), status.st_dev, status.st_ino, self._file.directory)

    def grow(self, n_bytes: int) -> int:
        """Add room, which is taken up when it is written to; return where it begins."""
        start = self.n_bytes
        self.n_bytes = start + -(-n_bytes // ALIGNMENT) * ALIGNMENT
        try:
            os.ftruncate(self._file.descriptor, self.n_bytes)
        except OSError as error:
            raise self._explained(error, n_bytes) from None
        return start

    def reserve(self, start: int, n_bytes: int) -> None:
        """Take up room at once, where there may be too little; who writes to a mapping would otherwise be killed for that."""
        if self._file.directory is None or not hasattr(os, "posix_fallocate"):
            return
        try:
            os.posix_fallocate(self._file.descriptor, start, n_bytes)
        except OSError as error:
            raise self._explained(error, n_bytes) from None

    def write(self, start: int, memory: memoryview) -> None:
        """Copy memory into the segment, without mapping it here; all of it, or nothing if there is too little room."""
        self.reserve(start, len(memory))
        done = 0
        try:
            while done < len(memory):
                done += os.pwrite(self._file.descriptor, memory[done:], start + done)
        except OSError as error:
            raise self._explained(error, len(memory) - done) from None

    def read(self, start: int, memory: memoryview) -> None:
        """Copy from the segment into memory."""
        done = 0
        while done < len(memory):
            n_read = os.preadv(self._file.descriptor, [memory[done:]], start + done)
            if not n_read:
                raise EOFError(f"a segment ends before byte {start + len(memory)}")
            done += n_read

    def map(self, access: int = mmap.ACCESS_WRITE) -> Mapping:
        """Return all of it as memory of this process."""
        return Mapping(self._file.descriptor, 0, access=access)

    def map_own(self) -> Mapping:
        """Return all of it as memory that keeps this segment, so that others may be sent to what lies in it."""
        mapping = self.map()
        mapping.segment = self
        mapping.address = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
        return mapping

    def close(self) -> None:
        """Let go of it, as far as this process is concerned."""
        self._close()

    def _explained(self, error: OSError, n_bytes: int) -> OSError:
        return no_room(self._file, n_bytes, error.errno) if error.errno in NO_ROOM else error


def mapping_of(owner: object) -> Mapping | None:
    """Return the mapping that an array lies in which is nobody's view, if that may be sent to other processes."""
    base = getattr(owner, "base", None)
    return base if isinstance(base, Mapping) and base.segment is not None else None


def _close(file: File, owner: int) -> None:
    os.close(file.descriptor)
    if file.name is not None and os.getpid() == owner:
        Path(file.name).unlink(missing_ok=True)


def open_token(token: Token, *, writes: bool) -> int:
    """Return a descriptor of another process's segment, for as long as that has it."""
    try:
        descriptor = os.open(token.path, os.O_RDWR if writes else os.O_RDONLY)
    except OSError as error:
        raise _ended(token, error) from None
    status = os.fstat(descriptor)
    if (status.st_dev, status.st_ino) == (token.device, token.inode):
        return descriptor
    os.close(descriptor)  # another file that the owner opened later, which got the same number
    raise _ended(token, None)


def _ended(token: Token, error: OSError | None) -> OSError:
    if isinstance(error, PermissionError):
        reason = "the system does not let this process open another's memory; pass executor='thread'"
        return PermissionError(error.errno, reason, token.path)
    if error is not None and error.errno not in (errno.ENOENT, errno.ESRCH):
        return error
    return FileNotFoundError(
        errno.ENOENT, "the call that these arrays belong to has ended, and they with it; load what it sent before it ends", token.path
    )


def memory_at(address: int, n_bytes: int) -> memoryview:
    """Return memory of this process by its address; whoever calls keeps alive what is there."""
    if not n_bytes:
        return memoryview(b"")
    return memoryview((ctypes.c_char * n_bytes).from_address(address)).cast("B")
