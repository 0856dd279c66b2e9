"""One worker process, as its parent knows it."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from typing import Any, NamedTuple

from lightwork._clock import SYSTEM
from lightwork._errors import WorkerLost
from lightwork.executors.process import far_side
from lightwork.executors.process.backend import Process, Sole, disown, has_ended
from lightwork.executors.process.parcels import Parcel
from lightwork.executors.process.surroundings import Surroundings
from lightwork.executors.process.wires import Wires

__all__ = ["Kit", "Lost", "Worker"]

MOST_SECONDS = 1e6  # that the system lets somebody wait for; more is for ever


class Kit(NamedTuple):
    """
    What a worker is started with; those that share it are alike.

    Attributes
    ----------
    variables : tuple of pairs of str
        Environment variables that are set for it.
    initializer : Parcel or None
        A function and its arguments, which it calls first.
    method : str or None
        How it is started.
    owner : object
        Whose alone they are; None: all calls' that want such.
    max_items, max_bytes : int or None
        After how many items, and with how much memory, it is replaced.
    """

    variables: tuple[tuple[str, str], ...] = ()
    initializer: Parcel | None = None
    method: str | None = None
    owner: object = None
    max_items: int | None = None
    max_bytes: int | None = None


class Lost(NamedTuple):
    """
    What is known of the death of a worker.

    Attributes
    ----------
    position : int or None
        Of the item of its chunk that it died of; None if it had begun none of them, and their number if it had done all.
    error : WorkerLost
    """

    position: int | None
    error: WorkerLost


class Worker:
    """
    A process, its wires, and what it has in hand: one chunk at a time.

    Parameters
    ----------
    kit : Kit
    generation : int
        Before which dismissal it was started.

    Attributes
    ----------
    kit, generation
    idle_since : float
        When it was put back last.
    was_killed : bool
        Whether somebody here wanted its end at once.
    """

    def __init__(self, kit: Kit, generation: int = 0) -> None:
        self.kit = kit
        self.generation = generation
        self.idle_since: float = 0.0
        self._wires = Wires()
        self._sole = Sole(_mapping(kit.variables), kit.method, far_side.begin, self._wires.directory)
        self._process: Process | None = None
        self._serial = 0
        self._surroundings: bytes | None = None
        self._functions: deque[bytes] = deque(maxlen=far_side.N_FUNCTIONS)
        self._passing: list[bytes] = []
        self._n_items = 0
        self._n_bytes = 0
        self._is_leaving = False
        self.was_killed: bool = False

    # --- Start --------------------------------------------------------------------------------------------------------

    def start(self, ready: Callable[[BaseException | None], object]) -> None:
        """Start the process; `ready` is called when it is, or with what keeps it from being."""
        try:
            self._process, future = self._sole.start(far_side.prepare, self._wires.directory, Surroundings.here())
        except BaseException:
            self.end()
            raise
        future.add_done_callback(partial(self._initialize, ready))

    def _initialize(self, ready: Callable[[BaseException | None], object], future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            ready(self._obituary(f"when it was starting{self._sole.advice}") if isinstance(error, BrokenExecutor) else error)
            return
        self._wires.connect()
        if self.kit.initializer is None:
            ready(None)
        else:
            self._sole.submit(far_side.initialize, self.kit.initializer.data).add_done_callback(partial(self._has_initialized, ready))

    def _has_initialized(self, ready: Callable[[BaseException | None], object], future: Future[Any]) -> None:
        error = future.exception()
        if error is not None:
            ready(self._obituary("in its initializer"))
            return
        failure = future.result()
        if failure is None:
            ready(None)
            return
        self.end()
        from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415 - takes long to import

        broken = BrokenProcessPool("the initializer of the worker processes failed, so they run nothing")
        broken.__cause__ = failure.error()
        ready(broken)

    # --- Work ---------------------------------------------------------------------------------------------------------

    def run(self, surroundings: Parcel, function: Parcel, items: bytes, done: Callable[[far_side.Reply | Lost], object]) -> None:
        """Have items run; `done` is called with what came of them, in any thread."""
        self._serial += 1
        is_new = function.digest not in self._functions
        data = function.data if is_new else None
        around = None if self._surroundings == surroundings.digest else surroundings.data
        try:
            future = self._sole.submit(far_side.run, self._serial, around, function.digest, data, items)
        except BrokenExecutor:  # it died when it had nothing to do
            done(Lost(None, self._obituary("when it had nothing to do")))
            return
        self._surroundings = surroundings.digest
        if is_new:
            self._note(function)
        future.add_done_callback(partial(self._receive, done))

    def _note(self, function: Parcel) -> None:
        self._functions.append(function.digest)
        if function.is_passing:
            self._passing.append(function.digest)

    def forget_passing(self) -> None:
        """Have the process let go of functions whose arrays lie beside them, in memory that would be taken up as long as it had them."""
        passing, self._passing = self._passing, []
        if passing and not self._is_leaving:
            self._functions = deque((digest for digest in self._functions if digest not in passing), self._functions.maxlen)
            with contextlib.suppress(RuntimeError):  # it has died, or the interpreter exits, which comes to the same
                self._sole.submit(far_side.forget, passing)

    def _receive(self, done: Callable[[far_side.Reply | Lost], object], future: Future[Any]) -> None:
        error = future.exception()
        reply = None if error is not None else future.result()
        if reply is None:
            done(Lost(self._wires.record.position_in(self._serial), self._obituary("when it ran this", error)))
            return
        self._wires.catch_up()  # log records that were written before
        self._n_items += len(reply.seconds)
        self._n_bytes = reply.n_bytes
        done(reply)

    # --- End ----------------------------------------------------------------------------------------------------------

    @property
    def process(self) -> Process | None:
        """The process, once it was started."""
        return self._process

    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and not has_ended(self._process)

    def join(self, timeout: float | None = None) -> None:
        """Wait until the process has ended that was asked to, and nothing is left of it; or for some seconds."""
        if self._process is not None:
            self._process.join(None if timeout is None or timeout > MOST_SECONDS else timeout)
            if has_ended(self._process):
                self._sole.join()
                self._wires.last_words()

    @property
    def is_spent(self) -> bool:
        """Whether it is time for another in its place."""
        kit = self.kit
        return (
            self._is_leaving
            or (kit.max_items is not None and self._n_items >= kit.max_items)
            or (kit.max_bytes is not None and self._n_bytes > kit.max_bytes)
        )

    def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End the process, whatever it is doing; who waits for that hears that it is lost, and nobody gets it for anything else."""
        self._is_leaving = self.was_killed = True
        process = self._process
        if process is not None and process.pid is not None and process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, by)

    def end(self) -> None:
        """Let the process end, as it does when nobody has anything for it; then nothing is left of it."""
        self._is_leaving = True
        self._sole.close()
        self._wires.drop()

    def forget(self) -> None:
        """Let go of another process's worker, in a forked child."""
        self._wires.forget()
        if self._process is not None:
            disown(self._process)

    def note_idle(self) -> None:
        """Note that it has nothing to do from now on."""
        self.idle_since = SYSTEM.now()

    def _obituary(self, when: str, error: BaseException | None = None) -> WorkerLost:
        """Return what there is to say of the process, which is dead, and clear away what it left."""
        if error is not None and not isinstance(error, BrokenExecutor):
            return self._farewell(error)
        pid, code = self._wait()
        lost = WorkerLost.of(when, pid, code, _signal_name(code), self._wires.last_words())
        self.end()
        return lost

    def _farewell(self, error: BaseException) -> WorkerLost:
        """End a process that is well, but whose reply could not be sent or not be read; return what there is to say of that."""
        self.kill()
        self.end()
        lost = WorkerLost(f"what came of this could not be brought back from the worker process: {error!r}")
        lost.pid = None if self._process is None else self._process.pid
        lost.__cause__ = error
        return lost

    def _wait(self) -> tuple[int | None, int | None]:
        if self._process is None:
            return None, None
        self._process.join(1.0)
        return self._process.pid, self._process.exitcode


def _mapping(variables: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(variables)


def _signal_name(code: int | None) -> str | None:
    if code is None or code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
