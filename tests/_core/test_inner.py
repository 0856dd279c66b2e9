"""Threads of BLAS beside our workers."""

import contextlib
import ctypes
import ctypes.util
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from threads import provoked

import lightwork as lw
from lightwork._core.inner import InnerThreads, belongs_to_thread, find_libraries, inner_threads

SECONDS = 60


class Fake:
    """A library with so many threads."""

    def __init__(self, num_threads: int) -> None:
        self.num_threads = num_threads

    def set_num_threads(self, num_threads: int) -> None:
        """Have another number."""
        self.num_threads = num_threads


@pytest.fixture(autouse=True, scope="module")
def budget() -> Iterator[None]:
    """Eight CPUs, for a worker too that finds nothing to do any more and comes and goes after its test, or between two."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("lightwork._core.inner.cpu_budget", lambda: 8)
        yield


def test_who_is_interrupted_on_the_way_out_leaves_all_the_same() -> None:
    """What a signal handler raises may come before the first line of the end."""
    library = Fake(8)
    stay = InnerThreads(lambda: [library]).beside(4)
    stay.__enter__()
    assert library.num_threads == 2
    del stay
    assert library.num_threads == 8


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


class Slow(Fake):
    """A library that has a lock, as threadpoolctl's have, and takes its time under it."""

    def __init__(self) -> None:
        super().__init__(8)
        self.lock = threading.Lock()
        self.begun = threading.Event()

    def set_num_threads(self, num_threads: int) -> None:
        """Have another number, after a while."""
        with self.lock:
            self.begun.set()
            time.sleep(0.2)
            self.num_threads = num_threads


def test_a_fork_waits_until_libraries_are_told() -> None:
    """A child would find their lock held by a thread that it does not have; afterwards parent and child go on."""
    library = Slow()
    inner = InnerThreads(lambda: [library])
    with ThreadPoolExecutor(1) as other:
        entered = other.submit(inner.enter, "other", 4)
        assert library.begun.wait(SECONDS)
        inner.hold_for_fork()
        assert not library.lock.locked()
        inner.go_on_after_fork()
        entered.result(SECONDS)
        other.submit(inner.leave, "other").result(SECONDS)
    assert library.num_threads == 8


class Broken(Fake):
    """A library in which something comes in between, once it was told a number."""

    def __init__(self, raised: BaseException, told: int) -> None:
        super().__init__(8)
        self.raised = [raised]
        self.told = told

    def set_num_threads(self, num_threads: int) -> None:
        """Have another number, and raise."""
        super().set_num_threads(num_threads)
        if self.raised and num_threads == self.told:
            raise self.raised.pop()


@pytest.mark.parametrize("told", [2, 8], ids=["entering", "leaving"])
def test_an_interrupt_in_between_leaves_nothing_changed(told: int) -> None:
    """Whether it comes while libraries are limited or while they are restored; and later calls limit them again."""
    first, second, third = Fake(8), Broken(KeyboardInterrupt(), told), Fake(8)
    inner = InnerThreads(lambda: [first, second, third])
    with pytest.raises(KeyboardInterrupt), inner.beside(4):
        pass
    assert [library.num_threads for library in (first, second, third)] == [8, 8, 8]
    with inner.beside(4):
        assert [library.num_threads for library in (first, second, third)] == [2, 2, 2]
    assert [library.num_threads for library in (first, second, third)] == [8, 8, 8]


def test_a_library_that_fails_keeps_no_call_from_being_made(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, all have what they had, and the next call tries again."""
    first, second = Fake(8), Broken(OSError("no such symbol"), 2)
    inner = InnerThreads(lambda: [first, second])
    with inner.beside(4):
        assert [first.num_threads, second.num_threads] == [8, 8]
    assert "no such symbol" in caplog.text
    with inner.beside(4):
        assert [first.num_threads, second.num_threads] == [2, 2]
    assert [first.num_threads, second.num_threads] == [8, 8]


def test_a_search_that_fails_is_made_again(caplog: pytest.LogCaptureFixture) -> None:
    """By the next call."""
    library, errors = Fake(8), [OSError("no such file")]

    def find() -> list[Fake]:
        for error in errors:
            errors.clear()
            raise error
        return [library]

    inner = InnerThreads(find)
    with inner.beside(4):
        assert library.num_threads == 8
    assert "no such file" in caplog.text
    with inner.beside(4):
        assert library.num_threads == 2


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


@pytest.fixture(scope="module")
def blas() -> Iterator[Any]:
    """NumPy's BLAS, with eight threads outside of all calls."""
    found = [library for library in find_libraries() if not belongs_to_thread(library)]  # others may have loaded an OpenMP
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


def over_few_items(look: Callable[[Any], int]) -> list[int]:
    """Fewer than there are workers: these share the CPUs."""
    return list(lw.parallel_map(look, range(4), workers=8, timeout=SECONDS))


def over_items_with_a_policy(look: Callable[[Any], int]) -> list[int]:
    """Driven by the engine."""
    return list(lw.parallel_map(look, range(50), workers=4, retry=lw.Retry(2)))


def over_a_stream(look: Callable[[Any], int]) -> list[int]:
    """Read to its end."""
    return [result.unwrap() for result in lw.parallel_iter(look, iter(range(50)), workers=4)]


def over_tasks(look: Callable[[Any], int]) -> list[int]:
    """Each with its own arguments."""
    return list(lw.run_tasks([lw.Task(look, (None,))] * 50, workers=4))


def over_stages(look: Callable[[Any], int]) -> list[int]:
    """Items that pass several functions."""
    return list(lw.map_stages(range(50), abs, look, workers=4))


def over_anothers_threads(look: Callable[[Any], int]) -> list[int]:
    """Items on the standard library's pool."""
    with ThreadPoolExecutor(4) as executor:
        return list(lw.parallel_map(look, range(50), executor=executor))


def over_a_pool(look: Callable[[Any], int]) -> list[int]:
    """Items on a pool."""
    with lw.Pool(4) as pool:
        return list(lw.parallel_map(look, range(50), executor=pool))


def by_a_pool(look: Callable[[Any], int]) -> list[int]:
    """Calls that are handed in."""
    with lw.Pool(4) as pool:
        return lw.gather([pool.submit(look, None) for _ in range(50)])


def by_a_pools_map(look: Callable[[Any], int]) -> list[int]:
    """As libraries do that take an executor's."""
    with lw.Pool(4) as pool:
        return list(pool.map(look, range(50)))


def by_submit(look: Callable[[Any], int]) -> list[int]:
    """On the threads that all share, of which so many take calls."""
    with lw.configure(workers=4):
        return lw.gather([lw.submit(look, None) for _ in range(50)])


def over_chunks(look: Callable[[Any], int]) -> list[int]:
    """A callable over parts of an array."""
    seen: list[int] = []

    def part(numbers: Any) -> Any:
        seen.append(look(numbers))
        return numbers

    lw.chunked_map(part, np.arange(400.0), chunk_size=10, workers=4)
    return seen


DOORS = (
    over_items, over_few_items, over_items_with_a_policy, over_a_stream, over_tasks, over_stages, over_anothers_threads, over_a_pool, by_a_pool,
    by_a_pools_map, by_submit, over_chunks,
)  # fmt: skip


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_numpys_blas_keeps_to_the_budget(door: Callable[[Callable[[Any], int]], list[int]], blas: Any) -> None:
    """Four workers on eight CPUs leave two threads to each call, and all eight when they are done."""
    assert has_its_threads_back(blas)  # from the last test
    assert set(door(lambda _: int(blas.num_threads))) == {2}
    assert has_its_threads_back(blas)


def has_its_threads_back(blas: Any) -> bool:
    """Sooner or later: a worker whose last result is there may still be on its way out."""
    return provoked(lambda: bool(blas.num_threads == 8))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_call_that_forks_leaves_both_what_they_had(blas: Any) -> None:
    """The parent goes on; in the child nobody else is inside, and the next call of its own restores."""
    with lw.Pool(4) as pool:
        pool.submit(fork_and_look, blas).result(SECONDS)
    assert has_its_threads_back(blas)


def fork_and_look(blas: Any) -> None:
    """See that the child's threads are given back there, too."""
    pid = os.fork()
    if pid == 0:
        try:
            with lw.Pool(4) as pool:
                seen = pool.submit(lambda: blas.num_threads).result(SECONDS)
            os._exit(0 if seen == 2 and has_its_threads_back(blas) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert blas.num_threads == 2


# --- OpenMP, of which each thread has a number of its own -------------------------------------------------------------


class FakeOpenMP:
    """A library with a number for each thread, eight to begin with."""

    user_api = "openmp"

    def __init__(self) -> None:
        self.here = threading.local()

    @property
    def num_threads(self) -> int:
        """How many this thread has."""
        return getattr(self.here, "n", 8)

    def set_num_threads(self, num_threads: int) -> None:
        """Have another number here."""
        self.here.n = num_threads


@pytest.fixture
def openmp(monkeypatch: pytest.MonkeyPatch) -> FakeOpenMP:
    """One that was found, among nothing else."""
    library = FakeOpenMP()
    monkeypatch.setattr(inner_threads, "_look", lambda: None)
    monkeypatch.setattr(inner_threads, "_of_all", [])
    monkeypatch.setattr(inner_threads, "_of_threads", [library])
    return library


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_openmp_keeps_to_the_budget_in_each_thread(door: Callable[[Callable[[Any], int]], list[int]], openmp: FakeOpenMP) -> None:
    """In the caller's, which has its number back afterwards, as in those that help; each call waits for a second one, in another thread."""
    barrier = threading.Barrier(2)
    seen: list[int] = []

    def look(_: Any) -> int:
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(SECONDS)
            barrier.abort()
        seen.append(threading.get_ident())
        return openmp.num_threads

    assert set(door(look)) == {2}
    assert len(set(seen)) > 1
    assert openmp.num_threads == 8


def test_a_thread_has_its_number_back_when_its_last_call_ends(openmp: FakeOpenMP) -> None:
    """Calls within calls find the outer one's."""
    with inner_threads.beside(2):
        with inner_threads.beside(4):
            assert openmp.num_threads == 4
        assert openmp.num_threads == 4
    assert openmp.num_threads == 8


@pytest.mark.skipif(sys.platform != "linux", reason="gcc's")
def test_gccs_openmp_keeps_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight workers on eight CPUs have one thread each, in whichever thread."""
    gomp = ctypes.CDLL(ctypes.util.find_library("gomp"))
    monkeypatch.setattr(inner_threads, "_n_modules", 0)  # it came as no module
    before = gomp.omp_get_max_threads()
    barrier = threading.Barrier(2)

    def look(item: int) -> int:
        if item < 2:
            barrier.wait(SECONDS)
        return int(gomp.omp_get_max_threads())

    assert set(lw.parallel_map(look, range(8), workers=8)) == {1}
    assert gomp.omp_get_max_threads() == before
