"""What runs in a worker process."""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import functools
import logging
import os
import pickle
import signal
import stat
import sys
import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lightwork._core.launch import launch
from lightwork.executors.process.parcels import Failure, dumps, loads, pack, pack_error
from lightwork.executors.process.record import Record
from lightwork.executors.process.surroundings import Surroundings
from lightwork.executors.process.wires import FRAME, LIFELINE, LOG, RECORD, STDERR, remove
from lightwork.processes import loading

__all__ = ["N_FUNCTIONS", "Reply", "begin", "forget", "initialize", "prepare", "run"]

N_FUNCTIONS = 8  # are kept by a worker, so that each travels once
STREAMS = 2  # the last of the standard streams


class Reply(NamedTuple):
    """
    What came of a chunk.

    Attributes
    ----------
    values : list
        Packed, up to the first item that failed.
    seconds : array of float
        How long each item took; the failed one included.
    failure : Failure or None
        Of that item.
    n_bytes : int
        How much memory the process has.
    is_loaded : bool
        Whether function and items could be loaded; if not, `failure` says why.
    """

    values: list[Any]
    seconds: array[float]
    failure: Failure | None
    n_bytes: int
    is_loaded: bool = True


class _Desk:
    """What a worker has at hand."""

    def __init__(self, record: Record, surroundings: Surroundings) -> None:
        self.record = record
        self._surroundings = surroundings
        self._functions: OrderedDict[bytes, Callable[[Any], Any]] = OrderedDict()

    def adapt(self, surroundings: bytes) -> None:
        """Have around the items what is around them in the parent."""
        before, self._surroundings = self._surroundings, loads(surroundings)
        self._surroundings.apply(before)

    def function(self, digest: bytes, data: bytes | None) -> Callable[[Any], Any]:
        """Return a function that came now or before. The parent forgets the eldest at the same time."""
        if data is not None:
            self._functions[digest] = loading.loads(data)
            if len(self._functions) > N_FUNCTIONS:
                self._functions.popitem(last=False)
        return self._functions[digest]

    def forget(self, digests: list[bytes]) -> None:
        """Let go of functions, if they are still there. The parent forgets them at the same time."""
        for digest in digests:
            self._functions.pop(digest, None)


_desk: _Desk | None = None


def begin(directory: str) -> None:
    """Live as long as the parent, and no longer; before this process waits for anything that the parent should send."""
    _keep_from_children(_ways_back())
    try:
        lifeline = _open_end(Path(directory, LIFELINE), os.O_RDONLY)
    except OSError:  # the parent is not there any more
        os._exit(1)
    _be_killed_with(lifeline)
    launch(threading.Thread(target=_end_with, args=(lifeline, directory), name="lightwork-lifeline", daemon=True))


def prepare(directory: str, surroundings: Surroundings) -> None:
    """Open the worker's ends of the wires, and take no Ctrl-C: the parent sees to the end."""
    global _desk  # noqa: PLW0603 - one process, one worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    path = Path(directory)
    _desk = _Desk(Record(path / RECORD), surroundings)
    _redirect_stderr(_open_end(path / STDERR, os.O_WRONLY))
    _forward_log(_open_end(path / LOG, os.O_WRONLY))
    remove(directory)
    surroundings.apply()


def initialize(data: bytes) -> Failure | None:
    """Call a function with its arguments, before any item; return what it failed with."""
    try:
        function, arguments = loads(data)
        function(*arguments)
    except BaseException as error:
        logging.getLogger("concurrent.futures").critical("Exception in initializer:", exc_info=True)
        return pack_error(error)
    return None


def run(serial: int, surroundings: bytes | None, digest: bytes, function: bytes | None, items: bytes) -> Reply | None:
    """Call a function for items until one fails; None if this process was never prepared, as one that replaces another behind the parent's back."""
    if _desk is None:
        return None
    try:
        if surroundings is not None:
            _desk.adapt(surroundings)
        call, arguments = _desk.function(digest, function), loading.loads(items)
    except BaseException as error:
        return Reply([], array("d"), pack_error(error), 0, is_loaded=False)
    return _run(_desk.record, serial, call, arguments)


def forget(digests: list[bytes]) -> None:
    """Let go of functions."""
    if _desk is not None:
        _desk.forget(digests)


def _run(record: Record, serial: int, call: Callable[[Any], Any], items: list[Any]) -> Reply:
    values: list[Any] = []
    seconds = array("d")
    failure = None
    now = time.perf_counter
    for position, item in enumerate(items):
        record.write(serial, position)
        began = now()
        try:
            values.append(pack(call(item)))
        except BaseException as error:
            failure = pack_error(error)
        seconds.append(now() - began)
        if failure is not None:
            break
    record.write(serial, len(items))  # whoever dies from now on dies of none of them
    return Reply(values, seconds, failure, _memory())


def _memory() -> int:
    """Return how many bytes of memory this process has, or had at most where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource  # noqa: PLC0415 - of other systems

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# --- The wires --------------------------------------------------------------------------------------------------------


def _open_end(path: Path, how: int) -> int:
    """Open an end of a pipe that the parent has open; one that was killed is not waited for."""
    end = os.open(path, how | os.O_NONBLOCK)
    os.set_blocking(end, True)
    return end


def _redirect_stderr(end: int) -> None:
    """Send what is written to standard error, by whomever, to the parent; crashes have to tell where they were."""
    os.dup2(end, 2)
    os.close(end)
    faulthandler.enable(2)


def _forward_log(end: int) -> None:
    """Send log records to the parent's loggers instead of any handlers."""
    logging.root.handlers[:] = [_Forwarder(end)]


class _Forwarder(logging.Handler):
    """Writes records, complete in themselves, to a pipe."""

    def __init__(self, end: int) -> None:
        super().__init__()
        self._end = end

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            data = dumps(_complete(record))
            os.write(self._end, FRAME.pack(len(data)) + data)
        except Exception:
            self.handleError(record)


def _complete(record: logging.LogRecord) -> dict[str, Any]:
    """Return a record's attributes, with texts in place of what may not travel."""
    text = record.getMessage()
    trace = record.exc_text or (logging.Formatter().formatException(record.exc_info) if record.exc_info else None)
    fields = {**vars(record), "msg": text, "args": None, "exc_info": None, "exc_text": trace}
    return {name: value for name, value in fields.items() if _travels(value)}


def _travels(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False
    return True


def _be_killed_with(lifeline: int) -> None:
    """Have the system end this process when its parent has ended, also while an item holds the GIL for long; where the system can."""
    if sys.platform != "linux":
        return
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _end_with(lifeline: int, directory: str) -> None:
    """End this process when its parent has ended, be it before the system was told of that."""
    os.read(lifeline, 1)  # nobody ever writes
    remove(directory)  # it is there if this was the parent's last start
    os._exit(1)


# --- Children of its own ----------------------------------------------------------------------------------------------


def _ways_back() -> list[tuple[int, int]]:
    """Return the pipes to the parent that this process writes to, as numbers of files and what they stand for."""
    trackers = _trackers()
    pipes = [(number, status.st_ino) for number, status in _open_files() if stat.S_ISFIFO(status.st_mode)]
    return [(number, node) for number, node in pipes if number > STREAMS and number not in trackers and _is_written(number)]


def _trackers() -> set[int | None]:
    """Return what leads to those who clear up after processes, to whom children have something to say, too."""
    modules = [module for name, module in sys.modules.items() if name.endswith(".resource_tracker")]
    return {getattr(vars(module).get("_resource_tracker"), "_fd", None) for module in modules}


def _open_files() -> Iterator[tuple[int, os.stat_result]]:
    """Yield those that are open, where the system tells."""
    with contextlib.suppress(OSError):
        for path in list(Path("/dev/fd").iterdir()):
            with contextlib.suppress(OSError):
                yield int(path.name), os.fstat(int(path.name))


def _is_written(number: int) -> bool:
    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY


def _keep_from_children(pipes: list[tuple[int, int]]) -> None:
    """Have forked children let go of pipes: the parent takes this process for alive as long as somebody has them."""
    os.register_at_fork(after_in_child=functools.partial(_let_go_of, pipes))


def _let_go_of(pipes: list[tuple[int, int]]) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)  # in their place, for objects that know their numbers close them some time
    for number, node in pipes:
        with contextlib.suppress(OSError):
            if os.fstat(number).st_ino == node:
                os.dup2(nowhere, number)
    os.close(nowhere)
