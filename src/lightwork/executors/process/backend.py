"""An executor with one process, from whoever makes the best ones that are installed."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any, Protocol

__all__ = ["BEFORE_EXIT", "Process", "Sole", "disown", "has_ended", "is_robust", "prepare_exit"]


class Process(Protocol):
    """What is known of a process that was started."""

    pid: int | None
    exitcode: int | None
    sentinel: int

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        ...


_starting = threading.Lock()  # of one process after the other: what is changed around a start is the whole process's
os.register_at_fork(after_in_child=lambda: globals().update(_starting=threading.Lock()))


BEFORE_EXIT: list[Callable[[], object]] = []  # what is to be done while there still are processes


def _see_to_exit() -> None:
    """Have that done: who says so last is called first, and those who end the processes may say so at every start."""
    register: Callable[[Callable[[], object]], None] = vars(threading)["_register_atexit"]
    register(prepare_exit)


def prepare_exit() -> None:
    """Do what is to be done first of all."""
    for call in BEFORE_EXIT:
        call()


def is_robust() -> bool:
    """Whether loky is installed, whose processes need no guard around the main program."""
    return _loky() is not None


def _loky() -> Any:
    try:
        return importlib.import_module("loky")
    except ImportError:
        return None


class Sole:
    """
    An executor of one process, which starts with the first call.

    Parameters
    ----------
    environment : mapping of str to str
        What the process finds set besides, before it imports anything.
    method : str or None
        How it is started, as :mod:`multiprocessing` says it. None: loky's own way, or "spawn" without loky.
    begin : callable
        What it calls before it looks for calls, and its arguments: unlike those, they travel with the process itself.

    Attributes
    ----------
    advice : str
        What to look at if it dies when it is starting.
    """

    def __init__(self, environment: Mapping[str, str], method: str | None, begin: Callable[..., object], *arguments: object) -> None:
        self._environment: Mapping[str, str] = {}
        self._executor: Any
        loky = _loky() if method is None else None
        if loky is not None:
            self._track: Callable[[], object] = importlib.import_module("loky.backend.resource_tracker").ensure_running
            self._executor = loky.ProcessPoolExecutor(1, initializer=begin, initargs=arguments, env=dict(environment))
            self.advice: str = ""
        else:
            self._environment = environment
            import multiprocessing.resource_tracker  # noqa: PLC0415 - takes long to import
            from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415

            self._track = multiprocessing.resource_tracker.ensure_running
            self._executor = ProcessPoolExecutor(1, multiprocessing.get_context(method or "spawn"), begin, arguments)
            self.advice = (
                " and importing the program's main module, where calls belong under if __name__ == '__main__': "
                "(or pip install lightwork[process], and give no mp_context)"
            )

    def start(self, fn: Callable[..., Any], *arguments: Any) -> tuple[Process, Future[Any]]:
        """Start the process with its first call."""
        _check_what_it_inherits()
        self._track()  # now, for to start that lets signals through which are to be blocked below
        with _starting, _sigint_blocked(), _as_nobodys_daemon(), _with_streams(), _environment_set(self._environment):
            future: Future[Any] = self._executor.submit(fn, *arguments)
        _see_to_exit()
        (process,) = self._executor._processes.values()  # noqa: SLF001 - the one thing that tells its exit code
        return process, future

    def submit(self, fn: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have a function called there."""
        future: Future[Any] = self._executor.submit(fn, *arguments)
        return future

    def close(self) -> None:
        """Let the process end when it has nothing to do."""
        executor = self._executor
        # The standard library's, from 3.13 on, tells of a death with its lock held, which its shutdown wants; and a broken one ends by itself.
        if executor is not None and not getattr(executor, "_broken", False):
            executor.shutdown(wait=False)

    def join(self) -> None:
        """Wait until what serves a process that has ended, has ended too, and let go of its semaphores."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True)


def has_ended(process: Process) -> bool:
    """Whether a process has; its exit code may be known to another thread that waits for it, and not yet here."""
    from multiprocessing.connection import wait  # noqa: PLC0415

    return process.exitcode is not None or bool(wait([process.sentinel], 0))


def disown(process: Process) -> None:
    """Have :mod:`multiprocessing` not wait at exit for a process that, after a fork, is the parent's child."""
    import multiprocessing.process  # noqa: PLC0415

    children: set[Process] = vars(multiprocessing.process)["_children"]
    children.discard(process)


@contextlib.contextmanager
def _sigint_blocked() -> Generator[None]:
    """Have a process started that takes no Ctrl-C, also while it cannot say so yet: the one who waits for it ends it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _as_nobodys_daemon() -> Generator[None]:
    """
    Let a daemonic process have children.

    :mod:`multiprocessing` forbids it, for it would leave them behind; these end with their parent, whatever becomes of it.
    """
    import multiprocessing  # noqa: PLC0415

    config: dict[str, Any] = vars(multiprocessing.current_process())["_config"]
    is_daemon = config.pop("daemon", None)
    try:
        yield
    finally:
        if is_daemon is not None:
            config["daemon"] = is_daemon


def _check_what_it_inherits() -> None:
    """Refuse what a process cannot start with, and does not say so."""
    if sys.__stderr__ is None:  # its number may be that of one of our pipes
        raise RuntimeError("worker processes need standard error, which is closed here; start the program with 2>/dev/null, or use executor='thread'")
    try:
        os.getcwd()  # noqa: PTH109 - only whether there is one
    except FileNotFoundError as error:
        hint = "worker processes start in the current directory, which was removed; go to another by os.chdir, or use executor='thread'"
        raise FileNotFoundError(error.errno, hint) from None


@contextlib.contextmanager
def _with_streams() -> Generator[None]:
    """Have something to flush, which loky does before a start, where somebody has set the standard streams to None."""
    missing = [name for name in ("stdout", "stderr") if getattr(sys, name) is None]
    for name in missing:
        setattr(sys, name, io.StringIO())
    try:
        yield
    finally:
        for name in missing:
            setattr(sys, name, None)


@contextlib.contextmanager
def _environment_set(environment: Mapping[str, str]) -> Generator[None]:
    """Set variables for a child: multiprocessing's start with what its parent has."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
