"""The threads of a pool: their context, stack, names, initializer, and when they end."""

import contextvars
import ctypes
import logging
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures.thread import BrokenThreadPool
from typing import Any

import pytest
from stories import check

import lightwork as lw
from lightwork.tasks import pool as pools
from lightwork.tasks.initializer import Initializer

SECONDS = 30
MEGABYTE = 1 << 20

inherited = contextvars.ContextVar("inherited", default="nothing")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads end as soon as they have nothing to do."""
    monkeypatch.setattr(pools, "IDLE_SECONDS", 0.0)


def test_workers_start_in_an_empty_context() -> None:
    """What the one who submits first has set is seen by calls, and not by the thread itself."""
    seen: list[str] = []

    def look() -> None:
        seen.append(inherited.get())

    token = inherited.set("something")
    with lw.Pool(1, initializer=look) as pool:
        assert pool.submit(inherited.get).result(SECONDS) == "something"
    inherited.reset(token)
    assert seen == ["nothing"]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="chooses a CPU")
def test_who_waits_for_each_result_needs_one_thread() -> None:
    """A worker that is on its way out of a call is there for the next; it may be stopped just before that is known, but rarely."""
    assert int(check("use_a_thread_again")) < 20


def stack_size() -> int:
    """Ask the system for the size of this thread's stack."""
    libc, attributes, size = ctypes.CDLL(None), ctypes.create_string_buffer(256), ctypes.c_size_t()
    libc.pthread_self.restype = ctypes.c_void_p
    libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attributes)
    libc.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    libc.pthread_attr_destroy(attributes)
    return size.value


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
@pytest.mark.parametrize("megabytes", [1, 64])
def test_stacks_are_as_large_as_asked_for(megabytes: int) -> None:
    """Those of the pool's threads, and of no others."""
    with lw.Pool(1, stack_size=megabytes * MEGABYTE) as pool, lw.Pool(1) as plain:
        assert pool.submit(stack_size).result(SECONDS) == megabytes * MEGABYTE
        assert plain.submit(stack_size).result(SECONDS) not in (megabytes * MEGABYTE, 0)
    assert threading.stack_size() == 0


@pytest.mark.parametrize(("size", "error"), [(1, ValueError), (-1, ValueError), (2.5, TypeError), (True, TypeError), ("8M", TypeError)])
def test_stacks_that_cannot_be(size: Any, error: type[Exception]) -> None:
    """Are refused when the pool is made, by an error that says which could, and change nothing."""
    with pytest.raises(error, match="stack_size must be (a whole number|at least)"):
        lw.Pool(1, stack_size=size)
    assert threading.stack_size() == 0


def test_names_count_from_zero() -> None:
    """As the standard library's do."""
    with lw.Pool(3, "mine") as pool:
        barrier = threading.Barrier(3)

        def name() -> str:
            barrier.wait(SECONDS)
            return threading.current_thread().name

        assert sorted(handle.result(SECONDS) for handle in [pool.submit(name) for _ in range(3)]) == ["mine_0", "mine_1", "mine_2"]


@pytest.mark.usefixtures("impatient")
def test_a_thread_without_work_ends() -> None:
    """And the next call gets another."""
    with lw.Pool(1) as pool:
        for _ in range(3):
            thread = pool.submit(threading.current_thread).result(SECONDS)
            thread.join(SECONDS)
            assert not thread.is_alive()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("max_workers", [1, 3])
def test_a_call_that_comes_as_a_thread_ends(max_workers: int) -> None:
    """Is made, whoever was quicker."""
    with lw.Pool(max_workers) as pool:
        for number in range(2_000):
            assert pool.submit(abs, -number).result(SECONDS) == number


def test_an_initializer_prepares_each_thread() -> None:
    """Once, before its first call."""
    local, prepared = threading.local(), list[str]()

    def prepare(value: str) -> None:
        local.value = value
        prepared.append(threading.current_thread().name)

    barrier = threading.Barrier(3)

    def read() -> str:
        barrier.wait(SECONDS)
        value: str = local.value
        return value

    with lw.Pool(3, "each", prepare, ("ready",)) as pool:
        for _ in range(2):
            assert [handle.result(SECONDS) for handle in [pool.submit(read) for _ in range(3)]] == ["ready"] * 3
    assert sorted(prepared) == ["each_0", "each_1", "each_2"]


def map_in_a_hundred_chunks() -> None:
    """Map a callable over single items."""
    lw.chunked_map(abs, list(range(100)), chunk_size=1)


def test_array_functions_start_threads_of_the_pools_own_kind() -> None:
    """Those that a call within a call starts have its name and were prepared, too."""
    prepared: list[str] = []

    def note() -> None:
        prepared.append(threading.current_thread().name)

    with lw.Pool(2, "kind", note) as pool:
        pool.submit(map_in_a_hundred_chunks).result(SECONDS)
        assert pool.statistics().n_threads == 2
    assert sorted(prepared) == ["kind_0", "kind_1"]


def test_an_initializer_that_fails_in_one_thread_of_many() -> None:
    """What another thread has begun is finished, and nothing is begun any more."""
    failing, entered, release = threading.Event(), threading.Event(), threading.Event()

    def prepare() -> None:
        if failing.is_set():
            raise SystemExit(1)

    def hold() -> str:
        entered.set()
        release.wait(SECONDS)
        return "held"

    with lw.Pool(2, initializer=prepare) as pool:
        held = pool.submit(hold)
        assert entered.wait(SECONDS)
        failing.set()
        late = pool.submit(int)
        assert "initializer failed" in str(late.exception(SECONDS))
        release.set()
        assert held.result(SECONDS) == "held"


def test_a_map_reads_no_further_than_its_buffer() -> None:
    """And one item for each result that was taken."""
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    with lw.Pool(2) as pool:
        results = pool.map(abs, numbers(), buffersize=3)
        assert len(read) == 3
        assert next(results) == 0
        assert len(read) == 4
        assert list(results) == list(range(1, 100))


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("1", TypeError)])
def test_buffers_that_cannot_be(size: Any, error: type[Exception]) -> None:
    """Are refused before anything is read."""
    with lw.Pool(1) as pool, pytest.raises(error, match="buffersize"):
        pool.map(abs, [1], buffersize=size)


def test_a_map_whose_pool_is_gone() -> None:
    """Gives what it has submitted."""
    pool = lw.Pool(1)
    results = pool.map(abs, range(10), buffersize=2)
    del pool
    assert list(results) == [0, 1]


def test_what_a_broken_pool_raises_does_not_add_up(caplog: pytest.LogCaptureFixture) -> None:
    """Each submit and each call that waited raises an exception of its own: one for all would keep the frames of all who saw it."""
    caplog.set_level(logging.CRITICAL + 1, "concurrent.futures")
    opened = threading.Event()

    def prepare() -> None:
        opened.wait(SECONDS)
        raise OSError

    with lw.Pool(1, initializer=prepare) as pool:
        handles = [pool.submit(int) for _ in range(5)]
        opened.set()
        errors = [handle.exception(SECONDS) for handle in handles]
        for _ in range(5):
            with pytest.raises(BrokenThreadPool) as raised:
                pool.submit(int)
            errors.append(raised.value)
    assert len({id(error) for error in errors}) == 10


def test_an_initializer_that_failed_is_not_called_again() -> None:
    """Its pool stays broken, whichever thread comes next; each failure is a new one."""
    n_calls = 0

    def fail() -> None:
        nonlocal n_calls
        n_calls += 1
        raise ValueError

    initializer = Initializer(fail, ())
    first, second = initializer(), initializer()
    assert isinstance(first, BrokenThreadPool)
    assert isinstance(second, BrokenThreadPool)
    assert first is not second
    assert n_calls == 1
