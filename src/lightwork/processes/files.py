"""Files that hold memory for several processes, and that nobody has to remove."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

__all__ = ["File", "NoRoomError", "make_file", "no_room", "path_of", "remove_orphans"]

#: Where a process shows its open files by number, so that others can open those that have no name. Linux has it.
OPEN_FILES = Path("/proc/self/fd")
PREFIX = "lightwork-"


class NoRoomError(OSError):
    """There is too little room for arrays."""


class File(NamedTuple):
    """
    A file that is open here.

    Attributes
    ----------
    descriptor : int
        Of this process.
    name : str or None
        Its path, if it has one and so has to be removed.
    directory : str or None
        That it takes its room from; None for memory without a file system.
    """

    descriptor: int
    name: str | None
    directory: str | None


def path_of(file: File) -> str:
    """Return the path by which others open a file, as long as it is open here."""
    return file.name or f"/proc/{os.getpid()}/fd/{file.descriptor}"


def make_file(directory: str | None) -> File:
    """
    Return a new, empty file.

    It has no name from the beginning where the system allows for that, so that there is nothing to remove, however its processes end: the
    memory is free when the last of them has let go of it.
    """
    if not OPEN_FILES.is_dir():
        return _with_name(directory or tempfile.gettempdir())
    descriptor = _in_memory() if directory is None else None
    if descriptor is None:
        directory = directory or tempfile.gettempdir()
        descriptor = _without_name(directory)
    return File(descriptor, None, directory)


def _in_memory() -> int | None:
    try:
        return os.memfd_create("lightwork")
    except (AttributeError, OSError) as error:  # the system has no such thing, or forbids it
        if isinstance(error, OSError) and error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
        return None


def _without_name(directory: str) -> int:
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
    descriptor, path = tempfile.mkstemp(prefix=PREFIX, dir=directory)  # some file systems of networks and containers
    Path(path).unlink()
    return descriptor


def _with_name(directory: str) -> File:
    remove_orphans(directory)
    descriptor, path = tempfile.mkstemp(prefix=f"{PREFIX}{os.getpid()}-", dir=directory)
    return File(descriptor, path, directory)


def remove_orphans(directory: str) -> None:
    """Remove the files of processes that were killed before they could, where files have names."""
    for path in Path(directory).glob(f"{PREFIX}*-*"):
        owner = path.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            with contextlib.suppress(OSError):
                path.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def no_room(file: File, n_bytes: int, reason: int) -> NoRoomError:
    """Return the error of a file that was refused room for so many bytes, with the errno that the system gave as its reason."""
    needed = f"{_megabytes(n_bytes)} of arrays that worker processes are to share"
    if reason == errno.EFBIG:
        limit = "(RLIMIT_FSIZE, ulimit -f)"
        return NoRoomError(reason, f"files may not be as large here as {needed} {limit}; raise that limit, or pass smaller arrays")
    if file.directory is None:
        return NoRoomError(reason, f"the system has no memory for {needed}; pass smaller ones")
    free = shutil.disk_usage(file.directory).free
    return NoRoomError(
        reason,
        f"{file.directory} has {_megabytes(free)} ({free} bytes) free, too little for {needed}; name a directory with more by "
        "lightwork.configure(shared_memory=...), or pass smaller arrays",
    )


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB"
