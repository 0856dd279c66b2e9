"""Threads that BLAS and OpenMP have inside Python callables, kept to what our workers leave of the CPUs."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from lightwork._cpus import cpu_budget

__all__ = ["InnerThreads", "Library", "Limits", "belongs_to_thread", "find_libraries", "inner_threads"]

FORK_SECONDS = 5.0  # that a fork waits for others to have told libraries

#: How a BLAS runs its threads if their number is one for the whole process; elsewhere each thread has its own.
SHARED = ("pthreads", "intel", "gnu", "tbb")


class Library(Protocol):
    """A BLAS or an OpenMP, as threadpoolctl has it."""

    @property
    def num_threads(self) -> int:
        """How many threads its next call may use, in the whole process or in this thread."""
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
    """Return what is loaded of BLAS with one number of threads for the process, and of OpenMP; nothing without threadpoolctl."""
    try:
        threadpoolctl: Any = importlib.import_module("threadpoolctl")
    except ImportError:
        return []
    return [library for library in threadpoolctl.ThreadpoolController().lib_controllers if is_ours(library)]


def is_ours(library: Any) -> bool:
    """Whether its number is to be kept down. A BLAS that runs on OpenMP has that one's."""
    return library.user_api == "openmp" or (library.user_api == "blas" and getattr(library, "threading_layer", "") in SHARED)


def belongs_to_thread(library: Library) -> bool:
    """Whether each thread has a number of its own."""
    return getattr(library, "user_api", "") == "openmp"


def set_threads(library: Library, n_threads: int) -> None:
    """Change a library's number; newer threadpoolctl lets one thread do so until that gives it up, and who restores is another."""
    library.set_num_threads(n_threads)
    give_up: Callable[[], object] | None = getattr(library, "clear_controlling_thread", None)
    if give_up is not None:
        give_up()


def _log_failure() -> None:
    from lightwork._log import LOGGER  # noqa: PLC0415 - logging would be half of the package's import

    LOGGER.warning("the threads of BLAS could not be limited", exc_info=True)


class Limits:
    """Libraries that were told to use fewer threads: who comes first sets, who leaves last restores."""

    def __init__(self) -> None:
        self._limited: list[Limited] = []
        self._inside: set[object] = set()

    @property
    def are_off(self) -> bool:
        """Whether nobody is inside, and nothing is to be restored."""
        return not self._inside and not self._limited

    def forget_others(self) -> None:
        """Of those who are inside, none will leave."""
        self._inside = set()

    def enter(self, guest: object, libraries: Sequence[Library], most: int) -> None:
        """Leave libraries so many threads, until this guest leaves."""
        if self.are_off:
            self._limit(libraries, most)
        self._inside.add(guest)

    def leave(self, guest: object) -> None:
        """Let the last guest restore them; nothing happens if this one has never come in."""
        self._inside.discard(guest)  # a child may leave what its parent entered
        if not self._inside:
            self._restore()

    def _limit(self, libraries: Sequence[Library], most: int) -> None:
        try:
            for library in libraries:
                n_before = library.num_threads
                if n_before > most:
                    self._limited.append(Limited(library, n_before, most))  # first: what comes in between finds what is to be restored
                    set_threads(library, most)
        except BaseException:
            self._restore()
            raise

    def _restore(self) -> None:
        while self._limited:
            library, n_before, n_now = self._limited[-1]
            if library.num_threads == n_now:
                set_threads(library, n_before)
            self._limited.pop()


class LimitsHere(Limits, threading.local):
    """Those of this thread."""


class InnerThreads:
    """
    Limits libraries while our workers call Python functions: who comes first sets, who leaves last restores.

    Parameters
    ----------
    find : callable, optional
        Finds the libraries. It is asked again when modules were imported since.

    Notes
    -----
    Thread-safe and reentrant. OpenBLAS and MKL have one number for all threads, so others in the process see the limit meanwhile, too; OpenMP
    has one for each, which each worker sets and restores for itself. A
    number that is no more than the limit is left alone, and one that somebody changes meanwhile is his. A child forked
    off meanwhile keeps the limit until its own first call of this kind ends: in a child that is forked, libraries are left alone.
    """

    def __init__(self, find: Callable[[], Sequence[Library]] = find_libraries) -> None:
        self._find = find
        self._of_all: Sequence[Library] = ()
        self._of_threads: Sequence[Library] = ()
        self._n_modules = 0
        self._limits = Limits()
        self._limits_here = LimitsHere()
        self.forget_others()

    def forget_others(self) -> None:
        """In a forked child: nobody else is inside, and nobody holds the lock."""
        self._lock = threading.RLock()  # a finalizer or signal handler may come by in the middle
        self._forking: int | None = None
        self._limits.forget_others()
        self._limits_here.forget_others()

    def hold_for_fork(self) -> None:
        """Before a fork: let nobody be in the middle of telling a library, whose lock the child would find held for good."""
        if self._lock.acquire(timeout=FORK_SECONDS):
            self._forking = threading.get_ident()

    def go_on_after_fork(self) -> None:
        """In the parent of a fork."""
        if self._forking == threading.get_ident():
            self._forking = None
            self._lock.release()

    def beside(self, n_workers: int) -> Stay:
        """Leave libraries max(1, budget // `n_workers`) threads, as long as one is in there; nothing is changed for one worker."""
        return Stay(self, n_workers)

    def enter(self, guest: object, n_workers: int) -> None:
        """Do so until this guest leaves, in the same thread. What libraries raise is logged, and their threads are as they were."""
        if n_workers > 1:
            try:
                self._enter(guest, n_workers)
            except Exception:
                _log_failure()

    def enter_here(self, guest: object, n_workers: int) -> None:
        """Do so for what belongs to this thread, which helps another that has entered."""
        if self._of_threads:
            try:
                self._limits_here.enter(guest, self._of_threads, n_threads_beside(n_workers))
            except Exception:
                _log_failure()

    def leave_here(self, guest: object) -> None:
        """Restore that, whatever is known of libraries by now."""
        self._limits_here.leave(guest)

    def leave(self, guest: object) -> None:
        """Restore what there was before if nobody else is inside; nothing happens if this guest has never come in."""
        try:
            self._leave(guest)
        except KeyboardInterrupt:  # which came before the end: nobody else would do the rest
            self._leave(guest)
            raise

    def _enter(self, guest: object, n_workers: int) -> None:
        self._look()
        if self._of_all:
            with self._lock:
                self._limits.enter(guest, self._of_all, n_threads_beside(n_workers))
        self.enter_here(guest, n_workers)

    def _look(self) -> None:
        """Look for libraries, if there may be others than before."""
        if self._n_modules != len(sys.modules):
            with self._lock:
                libraries = self._find()
                self._of_all = [library for library in libraries if not belongs_to_thread(library)]
                self._of_threads = [library for library in libraries if belongs_to_thread(library)]
                self._n_modules = len(sys.modules)  # those of the search included

    def _leave(self, guest: object) -> None:
        if not self._limits.are_off:
            with self._lock:
                self._limits.leave(guest)
        self.leave_here(guest)


class Stay:
    """A guest who leaves where he came in. A generator would take as long as a small call."""

    __slots__ = ("_guest", "_inner", "_n_workers")

    def __init__(self, inner: InnerThreads, n_workers: int) -> None:
        self._guest: object = None
        self._inner = inner
        self._n_workers = n_workers

    def __enter__(self) -> None:
        """Come in, or not at all."""
        self._guest = object()
        try:
            self._inner.enter(self._guest, self._n_workers)
        except BaseException:  # a signal handler's
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self._inner.leave(self._guest)
        self._guest = None

    def __del__(self) -> None:
        """Leave, if a signal handler's exception came before that."""
        if self._guest is not None:
            self.__exit__()


def n_threads_beside(n_workers: int) -> int:
    """How many threads so many workers leave a library each."""
    return max(1, cpu_budget() // n_workers)


inner_threads = InnerThreads()
os.register_at_fork(
    before=inner_threads.hold_for_fork,
    after_in_parent=inner_threads.go_on_after_fork,
    after_in_child=inner_threads.forget_others,
)
