"""Threads of BLAS beside our workers."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import lightwork as lw
from lightwork._core.inner import InnerThreads, find_libraries

SECONDS = 60


class Fake:
    """A library with so many threads."""

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads

    def set_num_threads(self, num_threads: int) -> None:
        """Have another number."""
        self.num_threads = num_threads


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight CPUs."""
    monkeypatch.setattr("lightwork._core.inner.cpu_budget", lambda: 8)


@pytest.mark.parametrize(("n_workers", "left"), [(1, 8), (2, 4), (3, 2), (8, 1), (40, 1)])
def test_libraries_get_what_workers_leave(n_workers: int, left: int) -> None:
    """The budget over the number of workers, and at least one; and later what they had."""
    library = Fake(8)
    with InnerThreads(lambda: [library]).beside(n_workers):
        assert library.num_threads == left
    assert library.num_threads == 8


def test_a_library_that_has_fewer_keeps_them() -> None:
    """Somebody wanted it so."""
    library = Fake(1)
    with InnerThreads(lambda: [library]).beside(2):
        assert library.num_threads == 1
    assert library.num_threads == 1


def test_what_somebody_else_sets_meanwhile_stays() -> None:
    """It is not for us to undo."""
    library = Fake(8)
    with InnerThreads(lambda: [library]).beside(2):
        library.num_threads = 3
    assert library.num_threads == 3


def test_the_last_who_leaves_restores() -> None:
    """Whoever that is, in whatever order they came."""
    library = Fake(8)
    inner = InnerThreads(lambda: [library])
    first, second = inner.beside(2), inner.beside(4)
    with ThreadPoolExecutor(1) as other:
        first.__enter__()
        other.submit(second.__enter__).result(SECONDS)
        first.__exit__(None, None, None)
        assert library.num_threads == 4
        other.submit(second.__exit__, None, None, None).result(SECONDS)
    assert library.num_threads == 8


def test_libraries_are_looked_for_again_when_modules_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may have brought one; without that nobody looks."""
    looks: list[int] = []
    inner = InnerThreads(lambda: (looks.append(1), [])[1])  # type: ignore[func-returns-value]
    for _ in range(3):
        with inner.beside(2):
            pass
    assert len(looks) == 1
    monkeypatch.setitem(sys.modules, "a module that was imported", sys)
    with inner.beside(2):
        pass
    assert len(looks) == 2


def test_without_threadpoolctl_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional."""
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert find_libraries() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_is_not_held_up() -> None:
    """It meets no lock that another thread holds, and its own calls end in what the library had."""
    library = Fake(8)
    inner = InnerThreads(lambda: [library])
    entered, release = threading.Event(), threading.Event()

    def stay() -> None:
        with inner.beside(2), inner._lock:
            entered.set()
            release.wait(SECONDS)

    thread = threading.Thread(target=stay)
    thread.start()
    assert entered.wait(SECONDS)
    pid = os.fork()
    if pid == 0:
        inner.forget_others()
        with inner.beside(4):
            seen = library.num_threads
        os._exit(0 if (seen, library.num_threads) == (4, 8) else 1)
    release.set()
    thread.join(SECONDS)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# --- NumPy's own ----------------------------------------------------------------------------------------------------


@pytest.fixture
def blas() -> Iterator[Any]:
    """NumPy's BLAS, with eight threads to begin with."""
    found = find_libraries()
    assert found, "no BLAS that threadpoolctl can limit; tests want NumPy's wheel, which has OpenBLAS"
    before = found[0].num_threads
    set_and_let_go(found[0], 8)
    yield found[0]
    set_and_let_go(found[0], before)


def set_and_let_go(library: Any, n_threads: int) -> None:
    """Set a number so that other threads may set it, too."""
    library.set_num_threads(n_threads)
    getattr(library, "clear_controlling_thread", lambda: None)()


def over_items(look: Callable[[Any], int]) -> list[int]:
    """At hand, in the core."""
    return list(lw.parallel_map(look, range(50), workers=4))


def over_chunks(look: Callable[[Any], int]) -> list[int]:
    """A callable over parts of an array."""
    seen: list[int] = []

    def part(numbers: Any) -> Any:
        seen.append(look(numbers))
        return numbers

    lw.chunked_map(part, np.arange(400.0), chunk_size=10, workers=4)
    return seen


@pytest.mark.parametrize("door", [over_items, over_chunks], ids=lambda door: door.__name__)
def test_numpys_blas_keeps_to_the_budget(door: Callable[[Callable[[Any], int]], list[int]], blas: Any) -> None:
    """Four workers on eight CPUs leave two threads to each call, and all eight when they are done."""
    assert set(door(lambda _: int(blas.num_threads))) == {2}
    assert blas.num_threads == 8
