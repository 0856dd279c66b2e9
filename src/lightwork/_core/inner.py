"""Threads that BLAS has inside Python callables, kept to what our workers leave of the CPUs."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol

from lightwork._cpus import cpu_budget

__all__ = ["InnerThreads", "Library", "find_libraries", "inner_threads"]

FORK_SECONDS = 5.0  # that a fork waits for others to have told libraries

#: How a BLAS runs its threads if their number is one for the whole process; elsewhere each thread has its own.
SHARED = ("pthreads", "intel", "gnu", "tbb")


class Library(Protocol):
    """A BLAS, as threadpoolctl has it."""

    @property
    def num_threads(self) -> int:
        """How many threads its next call may use, in the whole process."""
        ...

    def set_num_threads(self, num_threads: int) -> object:
        """Change that."""
        ...


class Limited(NamedTuple):
    """A library that was told to use fewer threads, and what it had before."""

    library: Library
    n_before: int
    n_now: int


def find_libraries() -> Sequence[Library]:
    """Return the BLAS libraries that are loaded and have one number of threads for the process; none without threadpoolctl."""
    try:
        threadpoolctl: Any = importlib.import_module("threadpoolctl")
    except ImportError:
        return []
    found = threadpoolctl.ThreadpoolController().lib_controllers
    return [library for library in found if library.user_api == "blas" and getattr(library, "threading_layer", "") in SHARED]


def set_threads(library: Library, n_threads: int) -> None:
    """Change a library's number; newer threadpoolctl lets one thread do so until that gives it up, and who restores is another."""
    library.set_num_threads(n_threads)
    give_up: Callable[[], object] | None = getattr(library, "clear_controlling_thread", None)
    if give_up is not None:
        give_up()


def _log_failure() -> None:
    from lightwork._log import LOGGER  # noqa: PLC0415 - logging would be half of the package's import

    LOGGER.warning("the threads of BLAS could not be limited", exc_info=True)


class InnerThreads:
    """
    Limits libraries while our workers call Python functions: who comes first sets, who leaves last restores.

    Parameters
    ----------
    find : callable, optional
        Finds the libraries. It is asked again when modules were imported since.

    Notes
    -----
    Thread-safe and reentrant. OpenBLAS and MKL have one number for all threads, so others in the process see the limit meanwhile, too. A
    number that is no more than the limit is left alone, and one that somebody changes meanwhile is his. A child forked
    off meanwhile keeps the limit until its own first call of this kind ends: in a child that is forked, libraries are left alone.
    """

    def __init__(self, find: Callable[[], Sequence[Library]] = find_libraries) -> None:
        self._find = find
        self._libraries: Sequence[Library] = ()
        self._n_modules = 0
        self._limited: list[Limited] = []
        self.forget_others()

    def forget_others(self) -> None:
        """In a forked child: nobody else is inside, and nobody holds the lock."""
        self._lock = threading.RLock()  # a finalizer or signal handler may come by in the middle
        self._forking: int | None = None
        self._inside: set[object] = set()

    def hold_for_fork(self) -> None:
        """Before a fork: let nobody be in the middle of telling a library, whose lock the child would find held for good."""
        if self._lock.acquire(timeout=FORK_SECONDS):
            self._forking = threading.get_ident()

    def go_on_after_fork(self) -> None:
        """In the parent of a fork."""
        if self._forking == threading.get_ident():
            self._forking = None
            self._lock.release()

    @contextlib.contextmanager
    def beside(self, n_workers: int) -> Generator[None]:
        """Leave libraries max(1, budget // `n_workers`) threads; nothing is changed for one worker."""
        guest = object()
        try:
            self.enter(guest, n_workers)
            yield
        finally:
            self.leave(guest)

    def enter(self, guest: object, n_workers: int) -> None:
        """Do so until this guest leaves. What libraries raise is logged, and their threads are as they were."""
        if n_workers > 1:
            try:
                self._enter(guest, n_workers)
            except Exception:
                _log_failure()

    def leave(self, guest: object) -> None:
        """Restore what there was before if nobody else is inside; nothing happens if this guest has never come in."""
        try:
            self._leave(guest)
        except KeyboardInterrupt:  # which came before the end: nobody else would do the rest
            self._leave(guest)
            raise

    def _enter(self, guest: object, n_workers: int) -> None:
        if not self._have_any():
            return
        with self._lock:
            if not self._inside and not self._limited:
                self._limit(max(1, cpu_budget() // n_workers))
            self._inside.add(guest)

    def _have_any(self) -> bool:
        """Look for libraries, if there may be others than before."""
        if self._n_modules != len(sys.modules):
            with self._lock:
                self._libraries = self._find()
                self._n_modules = len(sys.modules)  # those of the search included
        return bool(self._libraries)

    def _limit(self, most: int) -> None:
        try:
            for library in self._libraries:
                n_before = library.num_threads
                if n_before > most:
                    self._limited.append(Limited(library, n_before, most))  # first: what comes in between finds what is to be restored
                    set_threads(library, most)
        except BaseException:
            self._restore()
            raise

    def _leave(self, guest: object) -> None:
        if not self._inside and not self._limited:
            return
        with self._lock:
            self._inside.discard(guest)  # a child may leave what its parent entered
            if not self._inside:
                self._restore()

    def _restore(self) -> None:
        while self._limited:
            library, n_before, n_now = self._limited[-1]
            if library.num_threads == n_now:
                set_threads(library, n_before)
            self._limited.pop()


inner_threads = InnerThreads()
os.register_at_fork(
    before=inner_threads.hold_for_fork,
    after_in_parent=inner_threads.go_on_after_fork,
    after_in_child=inner_threads.forget_others,
)
