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
        self._n_inside = 0
        self.forget_others()

    def forget_others(self) -> None:
        """In a forked child: nobody else is inside, and nobody holds the lock."""
        self._lock = threading.RLock()  # a finalizer or signal handler may come by in the middle
        self._n_inside = 0

    @contextlib.contextmanager
    def beside(self, n_workers: int) -> Generator[None]:
        """Leave libraries max(1, budget // `n_workers`) threads; nothing is changed for one worker."""
        if n_workers <= 1:
            yield
            return
        self._enter(max(1, cpu_budget() // n_workers))
        try:
            yield
        finally:
            self._leave()

    def _enter(self, most: int) -> None:
        with self._lock:
            self._n_inside += 1
            if self._n_inside == 1 and not self._limited:
                self._look()
                seen = [Limited(library, library.num_threads, most) for library in self._libraries]
                self._limited = [limited for limited in seen if limited.n_before > most]
                for limited in self._limited:
                    set_threads(limited.library, most)

    def _leave(self) -> None:
        with self._lock:
            self._n_inside = max(0, self._n_inside - 1)  # a child may leave what its parent entered
            if self._n_inside == 0:
                restored, self._limited = self._limited, []
                for library, n_before, n_now in restored:
                    if library.num_threads == n_now:
                        set_threads(library, n_before)

    def _look(self) -> None:
        if self._n_modules != len(sys.modules):
            self._libraries = self._find()
            self._n_modules = len(sys.modules)  # those of the search included


inner_threads = InnerThreads()
os.register_at_fork(after_in_child=inner_threads.forget_others)
