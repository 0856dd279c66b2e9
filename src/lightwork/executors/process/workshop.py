"""The worker processes that have nothing to do just now, and how they come and go."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from lightwork._clock import SYSTEM
from lightwork._core.launch import launch
from lightwork._errors import WorkerLost
from lightwork._log import LOGGER
from lightwork.executors.process.backend import prepare_exit
from lightwork.executors.process.worker import Kit, Worker

__all__ = ["WORKSHOP", "Ready", "Workshop"]

EXIT_SECONDS = 5.0  # that processes get at exit to end by themselves
IDLE_SECONDS = 60.0  # after which a process without work ends
N_TRIES = 3  # to start a process

Ready = Callable[[Worker | None, BaseException | None], object]


class Workshop:
    """
    Keeps processes warm between calls, by what they were started with.

    Notes
    -----
    Has no lock, for it may be wanted in finalizers and signal handlers: what is done to a deque is done at once.
    """

    def __init__(self) -> None:
        self._idle: dict[Kit, deque[Worker]] = {}
        self._sweeper: threading.Timer | None = None
        self._living: dict[Worker, None] = {}  # and some that are not any more
        self._disbanded: set[Kit] = set()  # of which workers may still be on their way, or at work
        self._n_dismissals = 0
        self._finalizer: Any = None

    def summon(self, kit: Kit, ready: Ready) -> None:
        """Have a worker come; `ready` is called with it, at once or when it has started, or with what keeps it from coming."""
        worker = self._idle_one(kit)
        if worker is not None:
            ready(worker, None)
        else:
            self._start(kit, ready, 1)

    def put_back(self, worker: Worker) -> None:
        """Take a worker that has nothing to do, for the next who wants one."""
        if worker.is_spent or not worker.is_alive() or worker.generation != self._n_dismissals or worker.kit in self._disbanded:
            worker.end()
            return
        worker.note_idle()
        self._idle.setdefault(worker.kit, deque()).append(worker)
        if self._sweeper is None:
            self._sweep_in(IDLE_SECONDS)

    def dismiss(self) -> list[Worker]:
        """Let all workers end that have nothing to do, and the others when they have nothing to do; return them."""
        self._n_dismissals += 1
        sweeper, self._sweeper = self._sweeper, None
        if sweeper is not None:
            sweeper.cancel()
        for idle in list(self._idle.values()):
            for worker in _taken(idle):
                worker.end()
        return self.living()

    def disband(self, kit: Kit) -> None:
        """Let the workers of a kit end that have nothing to do, and the others when they have nothing to do."""
        self._disbanded.add(kit)
        for worker in _taken(self._idle.pop(kit, deque())):
            worker.end()

    def living(self, kit: Kit | None = None) -> list[Worker]:
        """Return the workers there are, or those of a kit."""
        return [worker for worker in list(self._living) if worker.is_alive() and kit in (None, worker.kit)]

    def forget(self) -> None:
        """Begin anew in a forked child, where none of them are children."""
        for worker in self._living:
            worker.forget()
        self._idle = {}
        self._living = {}
        self._sweeper = None
        self._finalizer = None

    def _idle_one(self, kit: Kit) -> Worker | None:
        """Return the worker that was put back last, if it lives."""
        idle = self._idle.get(kit, ())
        while idle:
            try:
                worker = idle.pop()
            except IndexError:  # somebody else has it
                return None
            if worker.is_alive():
                return worker
            worker.end()
        return None

    def _start(self, kit: Kit, ready: Ready, n_tries: int) -> None:
        for dead in [worker for worker in list(self._living) if not worker.is_alive()]:
            self._living.pop(dead, None)
        self._disbanded.intersection_update([kit, *(worker.kit for worker in list(self._living))])
        try:
            worker = Worker(kit, self._n_dismissals)
            worker.start(lambda failure: self._has_started(worker, ready, n_tries, failure))
        except BaseException as error:  # such as that there may be no more processes, or that the interpreter exits
            ready(None, error)
        else:
            self._living[worker] = None
            self._see_to_exit()

    def _has_started(self, worker: Worker, ready: Ready, n_tries: int, failure: BaseException | None) -> None:
        if failure is None:
            ready(worker, None)
        elif isinstance(failure, WorkerLost) and n_tries < N_TRIES and not worker.was_killed:
            LOGGER.debug("a worker process died before it had anything to do: %s", failure)
            launch(threading.Thread(target=partial(self._start, worker.kit, ready, n_tries + 1), name="lightwork-start", daemon=True))
        else:
            ready(None, failure)

    # --- Idleness -----------------------------------------------------------------------------------------------------

    def _sweep_in(self, seconds: float) -> None:
        self._sweeper = threading.Timer(seconds, self._sweep)
        self._sweeper.daemon = True
        launch(self._sweeper)

    def _sweep(self) -> None:
        """Let those end that were idle for long, and come again when the next will have been."""
        self._sweeper = None
        oldest = [since for since in map(self._end_stale, list(self._idle)) if since is not None]
        if oldest and self._sweeper is None:
            self._sweep_in(max(min(oldest) + IDLE_SECONDS - SYSTEM.now(), 0.0))

    def _end_stale(self, kit: Kit) -> float | None:
        """End the stale ones of a kit; return since when the next one is idle."""
        idle = self._idle.get(kit, deque())
        while idle:
            try:
                worker = idle.popleft()
            except IndexError:
                return None
            if worker.idle_since + IDLE_SECONDS > SYSTEM.now():
                idle.appendleft(worker)
                return worker.idle_since
            worker.end()
        return None

    # --- Exit ---------------------------------------------------------------------------------------------------------

    def _see_to_exit(self) -> None:
        """Have the workers end before their parent waits for them: one that :mod:`multiprocessing` has started does, before it ends its threads."""
        if self._finalizer is None:
            from multiprocessing.util import Finalize  # noqa: PLC0415 - takes long to import

            self._finalizer = Finalize(None, self._end_all, exitpriority=100)

    def _end_all(self) -> None:
        prepare_exit()
        until = SYSTEM.now() + EXIT_SECONDS
        for worker in self.dismiss():
            worker.join(max(until - SYSTEM.now(), 0.0))
            if worker.is_alive():
                worker.kill()


def _taken(workers: deque[Worker]) -> list[Worker]:
    """Take all of them, as many as there are."""
    taken = list[Worker]()
    while workers:
        try:
            taken.append(workers.pop())
        except IndexError:
            break
    return taken


WORKSHOP = Workshop()
os.register_at_fork(after_in_child=WORKSHOP.forget)
