"""What connects a worker process with its parent besides its calls: standard error, log records, and whether the parent lives."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import select
import struct
import termios
import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path

from lightwork._clock import SYSTEM
from lightwork._core.launch import launch
from lightwork.executors.process.parcels import loads
from lightwork.executors.process.record import Record

__all__ = ["FRAME", "LIFELINE", "LOG", "RECORD", "STDERR", "Wires", "remove"]

RECORD, STDERR, LOG, LIFELINE = "record", "stderr", "log", "lifeline"  # the files of a worker's directory
FRAME = struct.Struct("=I")  # how long a log record is, before it
N_BYTES_KEPT = 4096  # of what was written to standard error
N_BYTES_READ = 1 << 16
MOST_BEHIND = 1.0  # seconds that a reply waits for what was said before it to be heard,
NAP_SECONDS = 0.0002  # looking this often


class Wires:
    """
    The parent's ends: a directory with named pipes, which the worker removes once it has opened them.

    So nothing is left over when either is killed.

    Attributes
    ----------
    directory : str
    record : Record
        What the worker is at.
    """

    def __init__(self) -> None:
        import tempfile  # noqa: PLC0415 - takes long to import

        self.directory: str = tempfile.mkdtemp(prefix="lightwork-")
        path = Path(self.directory)
        try:
            self.record: Record = Record.create(path / RECORD)
            for name in (STDERR, LOG, LIFELINE):
                os.mkfifo(path / name)
        except OSError as error:
            remove(self.directory)
            hint = f"{error.strerror}: a worker process needs a little room in {path.parent}; make some, or set TMPDIR to another directory"
            raise OSError(error.errno, hint) from None
        self._tail = bytearray()
        self._frames = bytearray()
        self._thread: threading.Thread | None = None
        self._listening = threading.Lock()  # held while something is read and heard
        self._n_heard = 0  # bytes
        self._pid = os.getpid()
        # Nobody waits for the other end here: whoever reads does not, and the lifeline is open for reading, too.
        self._readers: dict[int, Callable[[bytes], None]] = {
            os.open(path / STDERR, os.O_RDONLY | os.O_NONBLOCK): self._hear_stderr,
            os.open(path / LOG, os.O_RDONLY | os.O_NONBLOCK): self._hear_log,
        }
        self._lifeline = os.open(path / LIFELINE, os.O_RDWR | os.O_NONBLOCK)

    def connect(self) -> None:
        """Begin to listen, now that the worker has opened its ends."""
        self._thread = threading.Thread(target=self._listen, name="lightwork-wires", daemon=True)
        launch(self._thread)

    def last_words(self) -> str:
        """Return the end of what a worker that is dead wrote to its standard error."""
        if self._thread is not None:
            self._thread.join(1.0)  # a child of the worker may hold the pipe open
        return self._tail.decode(errors="replace").strip()

    def catch_up(self) -> None:
        """Wait until all is heard that was said by now; not for ever, for a handler of log records may be waiting for us."""
        until = SYSTEM.now() + MOST_BEHIND
        if not self._listening.acquire(timeout=MOST_BEHIND):
            return
        try:
            n_said = self._n_heard + sum(map(_n_readable, self._readers))
        finally:
            self._listening.release()
        while self._n_heard < n_said and SYSTEM.now() < until:
            time.sleep(NAP_SECONDS)

    def drop(self) -> None:
        """Let go of everything when the worker has ended: it does so in its own time."""
        remove(self.directory)
        if self._thread is None:
            self.cut()

    def __del__(self) -> None:
        """Let nothing be left of a start that was interrupted."""
        if getattr(self, "_lifeline", -1) >= 0 and self._pid == os.getpid():
            self.drop()

    def cut(self) -> None:
        """Let go of everything; a worker that lives ends."""
        with self._listening:  # nobody reads from what may be another's file from now on
            while self._readers:
                os.close(self._readers.popitem()[0])
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)

    def forget(self) -> None:
        """Let go of everything in a forked child, where nobody else listens."""
        self._listening = threading.Lock()
        self.cut()

    # --- Listening ----------------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        poll = select.poll()
        for reader in self._readers:
            poll.register(reader, select.POLLIN)
        n_open = len(self._readers)
        while n_open:
            for reader, _ in poll.poll():
                if not self._hear(reader):
                    poll.unregister(reader)
                    n_open -= 1
        self.cut()

    def _hear(self, reader: int) -> bool:
        """Take what there is to read; return whether there may be more."""
        with self._listening:
            data = _read(reader)
            if data:
                self._readers[reader](data)
            self._n_heard += len(data)  # now that its records are handled
        return bool(data)

    def _hear_stderr(self, data: bytes) -> None:
        """Pass on what was written, and keep its end."""
        self._tail += data
        del self._tail[:-N_BYTES_KEPT]
        with contextlib.suppress(OSError):  # nobody listens to this process either
            os.write(2, data)

    def _hear_log(self, data: bytes) -> None:
        """Hand whole records to their loggers."""
        self._frames += data
        while len(self._frames) >= FRAME.size:
            end = FRAME.size + FRAME.unpack_from(self._frames)[0]
            if len(self._frames) < end:
                return
            _handle(bytes(self._frames[FRAME.size : end]))
            del self._frames[:end]


def remove(directory: str) -> None:
    """Remove a worker's directory, if it is still there."""
    for name in (RECORD, STDERR, LOG, LIFELINE):
        with contextlib.suppress(OSError):
            (Path(directory) / name).unlink()
    with contextlib.suppress(OSError):
        Path(directory).rmdir()


def _n_readable(reader: int) -> int:
    """Return how many bytes there are to read."""
    n_bytes = array("i", [0])
    fcntl.ioctl(reader, termios.FIONREAD, n_bytes)
    return n_bytes[0]


def _read(reader: int) -> bytes:
    """Return what there is to read; nothing at the end."""
    try:
        return os.read(reader, N_BYTES_READ)
    except OSError:
        return b""


def _handle(data: bytes) -> None:
    try:
        record = logging.makeLogRecord(loads(data))
        logger = logging.getLogger(record.name)
        if logger.isEnabledFor(record.levelno):
            logger.handle(record)
    except Exception:  # a handler of the user's, whose errors are not for who runs items
        logging.getLogger("lightwork").exception("a log record of a worker process could not be handled")
