"""``ProcessPool``: an executor of processes, of which a death costs one future."""

import asyncio
import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from interrupts import interrupt_once
from threads import provoked

import lightwork as lw
from lightwork.tasks.order import Order

pytest.importorskip("loky")

SECONDS = 60


@pytest.fixture(scope="module")
def pool() -> Iterator[lw.ProcessPool]:
    """One with two workers, which the tests share."""
    with lw.ProcessPool(2) as pool:
        yield pool


class Gate:
    """Holds a worker until it is opened."""

    def __init__(self, executor: Executor, directory: Path) -> None:
        self._started, self._opened = directory / "started", directory / "opened"
        self.future = executor.submit(hold, self._started, self._opened)
        until(self._started.exists)

    def open(self) -> None:
        """Let the worker go on."""
        self._opened.touch()


def hold(started: Path, opened: Path) -> str:
    """Say that the call has begun, and stay in it."""
    started.touch()
    until(opened.exists)
    return "held"


def until(state: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + SECONDS
    while not state():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_call_gets_a_worker_while_another_has_just_taken_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That one is not taken for one without work, which would leave the call to wait for it."""
    others: list[Future[int]] = []
    begins = Order.begins
    workers = lw.ProcessPool(2)

    def submit_another(order: Order[Any]) -> bool:
        if not others:
            others.append(Future())
            others[0] = workers.submit(pow, 2, 5)
        return begins(order)

    monkeypatch.setattr(Order, "begins", submit_another)
    with workers:
        gate = Gate(workers, tmp_path)
        try:
            assert others[0].result(SECONDS) == 32
        finally:
            gate.open()


def die() -> None:
    """End the process."""
    os._exit(4)


def fail(error: BaseException) -> None:
    """Raise an error."""
    raise error


def unfit() -> None:
    """Fail, as an initializer may."""
    raise ValueError("unfit")


def remember(value: object) -> None:
    """Keep something in the process."""
    os.environ["REMEMBERED"] = str(value)


# --- Calls --------------------------------------------------------------------------------------------------------------


def test_it_is_an_executor(pool: lw.ProcessPool) -> None:
    """And its futures are the standard library's."""
    assert isinstance(pool, Executor)
    assert isinstance(pool.submit(int), Future)


def test_submit_calls(pool: lw.ProcessPool) -> None:
    """With arguments of all kinds, those called like its own parameters included, in another process."""
    assert pool.submit(divmod, 7, 2).result(SECONDS) == (3, 1)
    assert pool.submit(dict, self=1, fn=2, executor=3).result(SECONDS) == {"self": 1, "fn": 2, "executor": 3}
    assert pool.submit(os.getpid).result(SECONDS) != os.getpid()
    with pytest.raises(TypeError):
        pool.submit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("error", [ValueError("v"), SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()], ids=repr)
def test_any_exception_is_an_outcome(pool: lw.ProcessPool, error: BaseException) -> None:
    """It comes back of its own type, and the worker goes on."""
    outcome = pool.submit(fail, error).exception(SECONDS)
    assert type(outcome) is type(error) and outcome.args == error.args
    assert isinstance(outcome.__cause__, lw.RemoteTraceback)


def test_a_death_costs_one_future(pool: lw.ProcessPool) -> None:
    """Never the pool, nor what others have in hand."""
    before = [pool.submit(pow, 2, n) for n in range(20)]
    dead = pool.submit(die)
    behind = [pool.submit(pow, 2, n) for n in range(20)]
    assert [future.result(SECONDS) for future in (*before, *behind)] == [2**n for n in range(20)] * 2
    lost = dead.exception(SECONDS)
    assert isinstance(lost, lw.WorkerLost) and lost.exit_code == 4
    assert pickle.loads(pickle.dumps(lost)).exit_code == 4


def test_what_cannot_be_sent_fails_its_future(pool: lw.ProcessPool) -> None:
    """And says why."""
    error = pool.submit(len, [threading.Lock()]).exception(SECONDS)
    assert isinstance(error, TypeError) and "lock" in str(error) and "threads" in str(error)


@pytest.mark.parametrize("has_gone", [True, False])
def test_an_interrupt_amid_submit_is_raised(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, has_gone: bool) -> None:
    """The worker that may have got the call ends, and other calls find others."""
    with lw.ProcessPool(1) as pool:
        assert pool.submit(abs, -1).result(SECONDS) == 1
        assert provoked(lambda: not pool._staff._n_workers)  # it is idle, so this thread hands it the next call
        interrupt_once(monkeypatch, has_gone=has_gone)
        with pytest.raises(KeyboardInterrupt):
            pool.submit(abs, -2)
        assert pool.submit(abs, -3).result(SECONDS) == 3
    assert not caplog.records


def test_those_who_wait(pool: lw.ProcessPool) -> None:
    """All ways of the standard library, and ``await``."""
    futures = [pool.submit(pow, n, 2) for n in range(5)]
    assert {future.result() for future in as_completed(futures, SECONDS)} == {0, 1, 4, 9, 16}
    assert not wait(futures, SECONDS).not_done

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        return [await pool.submit(pow, 2, 3), await loop.run_in_executor(pool, pow, 2, 4)]

    assert asyncio.run(main()) == [8, 16]


def test_cancelling(tmp_path: Path) -> None:
    """What nobody has begun is never made; what runs is not cancelled."""
    with lw.ProcessPool(1) as pool:
        gate = Gate(pool, tmp_path)
        behind = pool.submit((tmp_path / "made").touch)
        assert behind.cancel() and behind.cancelled()
        assert gate.future.running() and not gate.future.cancel()
        with pytest.raises(CancelledError):
            behind.result(0)
        gate.open()
        assert gate.future.result(SECONDS) == "held"
    assert not (tmp_path / "made").exists()


def test_map(pool: lw.ProcessPool) -> None:
    """Results in the order of the items, in calls of one or many, all at once or some ahead."""
    expected = [n**2 for n in range(20)]
    for options in ({}, {"chunksize": 7}, {"buffersize": 3}, {"chunksize": 2, "buffersize": 1, "timeout": SECONDS}):
        assert list(pool.map(pow, range(20), [2] * 30, **options)) == expected
    for bad in ({"chunksize": 0}, {"buffersize": 0}):
        with pytest.raises(ValueError, match="size must be at least 1"):
            pool.map(pow, [], **bad)


def test_map_ends_with_the_first_error(pool: lw.ProcessPool) -> None:
    """Results before it are there."""
    results = pool.map(divmod, [1, 1, 1, 1], [2, 3, 0, 5])
    assert [next(results), next(results)] == [(0, 1), (0, 1)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_items_run_on_it(pool: lw.ProcessPool) -> None:
    """With all that calls over items do."""
    result = lw.parallel_map(abs, [-1, "x", -3], executor=pool)
    assert result.ok_values() == [1, 3]
    assert isinstance(result.failures()[0][1], TypeError)


# --- Workers ------------------------------------------------------------------------------------------------------------


def test_each_worker_is_initialized() -> None:
    """Before its first call."""
    with lw.ProcessPool(2, None, remember, (7,)) as pool:
        assert set(pool.map(os.getenv, ["REMEMBERED"] * 10)) == {"7"}
        assert lw.parallel_map(os.getenv, ["REMEMBERED"], executor=pool)[0] == "7"


def test_workers_on_their_way_end_with_the_pool() -> None:
    """A run that needs fewer than it has asked for leaves some that come later, when nobody else would end them."""
    pool = lw.ProcessPool(3)
    assert lw.parallel_map(abs, [-1], executor=pool, workers=1)[0] == 1
    lw.parallel_map(abs, range(3), executor=pool, chunk_size=1)
    began = time.monotonic()
    pool.shutdown()
    assert time.monotonic() - began < 30  # half as long as idle ones stay
    assert not pool._processes


def test_an_initializer_that_fails() -> None:
    """Calls fail, those submitted before and after, with what it raised as the cause."""
    pool = lw.ProcessPool(1, initializer=unfit)
    error = pool.submit(int).exception(SECONDS)
    assert isinstance(error, BrokenProcessPool) and isinstance(error.__cause__, ValueError)
    with pytest.raises(BrokenProcessPool):
        pool.submit(int)
    pool.shutdown()


def test_workers_that_die_while_they_start() -> None:
    """Are a clear error after a few tries."""
    with lw.ProcessPool(1, initializer=die) as pool:
        error = pool.submit(int).exception(SECONDS)
        assert isinstance(error, lw.WorkerLost) and "initializer" in str(error)


def test_workers_are_replaced() -> None:
    """After so many calls, or with so much memory."""
    with lw.ProcessPool(1, max_tasks_per_child=2) as pool:
        assert len({pool.submit(os.getpid).result(SECONDS) for _ in range(4)}) == 2
    with lw.ProcessPool(1, max_bytes_per_child=1) as pool:
        assert len({pool.submit(os.getpid).result(SECONDS) for _ in range(2)}) == 2


def test_other_ways_to_start() -> None:
    """By the standard library; never by a fork."""
    with lw.ProcessPool(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(pow, 2, 3).result(SECONDS) == 8
        assert isinstance(pool.submit(die).exception(SECONDS), lw.WorkerLost)
        assert pool.submit(pow, 2, 3).result(SECONDS) == 8
    with pytest.raises(ValueError, match="'spawn' or 'forkserver'"):
        lw.ProcessPool(1, multiprocessing.get_context("fork"))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((0,), ValueError), ((2000,), ValueError), (("2",), TypeError), ((1, None, 7), TypeError)],
)
def test_its_arguments_are_checked(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    """At once."""
    with pytest.raises(error):
        lw.ProcessPool(*arguments)


# --- Its end ------------------------------------------------------------------------------------------------------------


def test_after_a_shutdown() -> None:
    """What was submitted is made, processes are gone, and nothing more is taken."""
    pool = lw.ProcessPool(2)
    futures = [pool.submit(pow, 2, n) for n in range(10)]
    processes = pool._processes
    pool.shutdown()
    assert [future.result(0) for future in futures] == [2**n for n in range(10)]
    assert provoked(
        lambda: not pool._processes and not any(process.is_alive() for process in processes.values())
    )  # who has seen one end notes it a moment later
    with pytest.raises(RuntimeError, match="cannot schedule new futures"):
        pool.submit(int)
    pool.shutdown()


def test_a_shutdown_that_cancels(tmp_path: Path) -> None:
    """What has not begun is cancelled; what runs is finished."""
    pool = lw.ProcessPool(1)
    gate = Gate(pool, tmp_path)
    behind = [pool.submit(int) for _ in range(20)]
    pool.shutdown(wait=False, cancel_futures=True)
    assert all(future.cancelled() for future in behind)
    gate.open()
    assert gate.future.result(SECONDS) == "held"
    pool.shutdown()


@pytest.mark.parametrize("way", ["terminate_workers", "kill_workers"])
def test_processes_that_are_ended_in_their_initializer_are_not_replaced(way: str) -> None:
    """Nor is anybody waited for."""
    pool = lw.ProcessPool(1, initializer=time.sleep, initargs=(SECONDS,))
    future = pool.submit(abs, -1)
    until(lambda: len(pool._processes) == 1)
    time.sleep(1.0)  # it is in its initializer, or near it
    began = time.monotonic()
    getattr(pool, way)()
    pool.shutdown()
    assert time.monotonic() - began < SECONDS / 2
    assert future.cancelled() or isinstance(future.exception(0), lw.WorkerLost)
    assert not pool._processes


@pytest.mark.parametrize("way", ["terminate_workers", "kill_workers"])
def test_ending_the_workers(way: str, tmp_path: Path) -> None:
    """What runs is lost, what waits is cancelled, and nothing more is taken."""
    pool = lw.ProcessPool(1)
    gate, behind = Gate(pool, tmp_path), pool.submit(int)
    getattr(pool, way)()
    lost = gate.future.exception(SECONDS)
    assert isinstance(lost, lw.WorkerLost) and lost.signal == {"terminate_workers": "SIGTERM", "kill_workers": "SIGKILL"}[way]
    assert behind.cancelled()
    pool.shutdown()


def test_a_forgotten_one() -> None:
    """Its calls are made, and its processes end."""
    pool = lw.ProcessPool(1)
    future = pool.submit(os.getpid)
    del pool
    process = future.result(SECONDS)
    until(lambda: not Path(f"/proc/{process}").exists() or "Z" in Path(f"/proc/{process}/stat").read_text().split()[2])


def test_its_names() -> None:
    """It says what it is; its futures belong to this process."""
    with lw.ProcessPool(1) as pool:
        assert repr(pool) == "ProcessPool(max_workers=1)"
        with pytest.raises(TypeError, match="belongs to its process"):
            pickle.dumps(pool.submit(int))
