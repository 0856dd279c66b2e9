"""Whether an object survives being pickled and loaded again, without keeping much of it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["Fault", "fault_in"]

N_BYTES_KEPT = 1 << 26  # a pickle of more than 64 MB is not loaded again: memory of that size is the caller's to spend

# What acts on more than the interpreter's own objects. A pickle that names something of theirs is taken to be loadable without trying:
# to look at an object is not to do what it does when it is loaded.
ACTING_MODULES = {
    "asyncio", "concurrent", "ctypes", "http", "importlib", "io", "_io", "multiprocessing", "nt", "os", "posix", "runpy", "shutil", "signal",
    "_signal", "smtplib", "socket", "_socket", "sqlite3", "subprocess", "_posixsubprocess", "sys", "tempfile", "_thread", "threading", "urllib",
    "webbrowser",
}  # fmt: skip
ACTING_BUILTINS = {"__import__", "breakpoint", "compile", "eval", "exec", "exit", "input", "open", "print", "quit"}


class Fault(NamedTuple):
    """What went wrong, and whether that was only when the pickle was loaded."""

    error: BaseException
    in_loading: bool


class _Sink:
    """A file that keeps nothing of what would be too much."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.n_bytes = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.n_bytes += len(piece)
        if self.n_bytes <= N_BYTES_KEPT:
            self.pieces.append(piece)
        else:
            self.pieces.clear()
        return len(piece)


class _NotTriedError(Exception):
    pass


class _Loader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] in ACTING_MODULES or (module == "builtins" and name in ACTING_BUILTINS):
            raise _NotTriedError
        return super().find_class(module, name)


def fault_in(obj: object) -> Fault | None:
    """
    Pickle an object and load the pickle; return what went wrong, or None.

    The memory of arrays is neither copied nor written, and the pickle is dropped while it is made once it is large. Whatever is raised is
    a fault, ``SystemExit`` too, but a ``KeyboardInterrupt`` is the user's.
    """
    sink = _Sink()
    buffers: list[pickle.PickleBuffer] = []
    try:
        pickle.Pickler(sink, protocol=5, buffer_callback=buffers.append).dump(obj)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Fault(error, in_loading=False)
    return _fault_in_loading(sink, buffers) if sink.pieces else None


def _fault_in_loading(sink: _Sink, buffers: Iterable[pickle.PickleBuffer]) -> Fault | None:
    try:
        _Loader(io.BytesIO(b"".join(sink.pieces)), buffers=buffers).load()
    except KeyboardInterrupt:
        raise
    except _NotTriedError:
        return None
    except BaseException as error:
        return Fault(error, in_loading=True)
    return None
