"""Items on a cluster of dask's, with worker processes of its own."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import lightwork as lw

distributed = pytest.importorskip("distributed")

SECONDS = 60


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers of one thread each, as processes."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: Any) -> Iterator[Any]:
    """A client of a cluster that is whole."""
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=SECONDS)
        yield client


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return when something is so that others see to; fail after a long time."""
    patience = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < patience
        time.sleep(0.01)


def square(number: int) -> int:
    """Something to call."""
    return number * number


def refuse_odd(number: int) -> int:
    """Fail for every other number."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def fail_once(folder: Path, number: int) -> int:
    """Fail at the first attempt, wherever that is made."""
    if not (folder / str(number)).exists():
        (folder / str(number)).touch()
        raise OSError("not yet")
    return number


def die_once(folder: Path, number: int) -> int:
    """Take the worker along, the first time."""
    if number == 13 and not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(1)
    return number


def die_always(number: int) -> int:
    """Take each worker along."""
    if number == 3:
        os._exit(1)
    return number


def slow_pid(_: object) -> int:
    """Take long enough for the other worker to have its part, and tell who it was."""
    time.sleep(0.01)
    return os.getpid()


def hold(gate: Path, number: int) -> int:
    """Stay until there is such a file."""
    wait_until(gate.exists)
    return number


@lw.parallel
def decorated(number: int) -> int:
    """Have a name that is not the function's own any more."""
    return -number


# --- Results ----------------------------------------------------------------------------------------------------------


def test_results_are_those_of_the_calling_thread(client: Any) -> None:
    """Values, errors, their items and the attempts, in the order of the items."""
    here, there = (
        lw.parallel_map(refuse_odd, range(50), executor=executor, retry=lw.Retry(2, on=ValueError, backoff=0.0)) for executor in ("serial", client)
    )
    assert [told(result) for result in there.item_results()] == [told(result) for result in here.item_results()]
    assert there.status == here.status == lw.RunStatus.COMPLETED


def told(result: lw.ItemResult[Any]) -> tuple[Any, ...]:
    """Return what a result tells that does not depend on time."""
    return result.index, result.key, result.attempts, repr(result.error) if result.error else result.value


def test_retries_are_made_there(client: Any, tmp_path: Path) -> None:
    """Another attempt is another call, though function and item are the same."""
    result = lw.parallel_map(partial(fail_once, tmp_path), range(6), executor=client, retry=lw.Retry(2, on=OSError, backoff=0.0))
    assert result.values() == list(range(6))


def test_equal_items_are_calls_of_their_own(client: Any) -> None:
    """Dask would take them for one."""
    values = lw.parallel_map(lambda _: uuid.uuid4().hex, [1] * 40, executor=client, chunk_size=1).values()
    assert len(set(values)) == 40


def test_functions_without_a_name_travel(client: Any) -> None:
    """With what they close over."""
    offset = 1000
    assert lw.parallel_map(lambda number: number + offset, range(100), executor=client).values() == list(range(1000, 1100))


def test_decorated_functions_travel(client: Any) -> None:
    """By their name, which is that of what they were decorated to."""
    assert decorated.map(range(5), executor=client).values() == [0, -1, -2, -3, -4]


def test_calls_run_in_the_workers(client: Any) -> None:
    """In all of them, and not here."""
    pids = set(lw.parallel_map(slow_pid, range(40), executor=client, chunk_size=1).values())
    assert pids == set(client.run(os.getpid).values()) and os.getpid() not in pids


def test_streams_read_no_further_than_their_window(client: Any) -> None:
    """An endless source is left alone when the reader leaves, and the cluster forgets what it had of it."""
    numbers = iter(int, 1)
    stream = lw.parallel_iter(square, numbers, executor=client, window=8)
    assert [next(stream).value for _ in range(50)] == [0] * 50
    stream.close()  # type: ignore[attr-defined]
    wait_until(lambda: not client.cluster.scheduler.tasks)


def test_streams_come_as_they_are_done(client: Any, tmp_path: Path) -> None:
    """What is held up holds up nobody else."""
    gate = tmp_path / "gate"
    call = partial(hold_first, gate)
    seen: list[Any] = []
    for result in lw.parallel_iter(call, range(20), executor=client, ordered=False, chunk_size=1):
        seen.append(result.value)
        if len(seen) == 19:
            gate.touch()
    assert seen[-1] == 0 and sorted(seen) == list(range(20))


def hold_first(gate: Path, number: int) -> int:
    """Hold up item 0 alone."""
    return number or hold(gate, number)


def test_limits_and_listeners_are_those_of_every_run(client: Any) -> None:
    """A rate limit holds items up, progress is told up to the end, and what is configured holds."""
    told: list[tuple[int, int]] = []
    with lw.configure(executor=client):
        began = time.monotonic()
        result = lw.parallel_map(square, range(6), rate_limit=lw.RateLimit(20, "second", burst=1), on_progress=lambda *done: told.append(done))
    assert result.values() == [0, 1, 4, 9, 16, 25]
    assert told[-1] == (6, 6)
    assert time.monotonic() - began >= 5 / 20


def test_a_result_that_cannot_travel_fails_alone(client: Any) -> None:
    """Dask by itself would ask for it for ever."""
    result = lw.parallel_map(lambda number: threading.Lock() if number == 3 else number, range(6), executor=client, chunk_size=6)
    assert [index for index, _ in result.failures()] == [3]
    assert "pickle" in str(result.failures()[0][1])
    assert len(result.successes()) == 5


def test_a_function_that_cannot_travel_fails(client: Any) -> None:
    """It says so."""
    lock = threading.Lock()
    result = lw.parallel_map(lambda _: lock, [1], executor=client)
    assert "cannot pickle '_thread.lock'" in str(result.failures()[0][1])


# --- Workers that die -------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_loses_nothing(client: Any, tmp_path: Path) -> None:
    """What it had is run again, by another."""
    result = lw.parallel_map(partial(die_once, tmp_path), range(30), executor=client)
    assert result.values() == list(range(30))
    assert (tmp_path / "died").exists()


def test_an_item_that_kills_its_workers_fails_alone(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its chunk is taken apart to find it."""
    monkeypatch.setattr(client.cluster.scheduler, "allowed_failures", 0)
    result = lw.parallel_map(die_always, range(6), executor=client, chunk_size=6, workers=1)
    assert result.successes() == [(index, index) for index in (0, 1, 2, 4, 5)]
    assert [index for index, _ in result.failures()] == [3]
    assert isinstance(result.failures()[0][1], distributed.KilledWorker)


# --- The end ----------------------------------------------------------------------------------------------------------


def run_apart(**options: Any) -> tuple[threading.Thread, list[Any]]:
    """Make a call in a thread; return that, and where the result will be."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(lw.parallel_map(**options)))
    thread.start()
    return thread, results


def test_a_stop_lets_go_of_what_has_not_begun(client: Any, tmp_path: Path) -> None:
    """What runs comes to its end, and its values count; what the scheduler still has is forgotten."""
    token, gate, tasks = lw.StopToken(), tmp_path / "gate", client.cluster.scheduler.tasks
    thread, results = run_apart(fn=partial(hold, gate), items=range(20), executor=client, workers=20, chunk_size=1, stop=token)
    wait_until(lambda: len(tasks) == 20)
    token.stop("enough")
    wait_until(lambda: len(tasks) < 10)
    gate.touch()
    thread.join(SECONDS)
    assert results[0].status == lw.RunStatus.CANCELLED
    assert 2 <= len(results[0].successes()) < 10
    assert {type(error) for _, error in results[0].failures()} == {lw.Cancelled}


def test_a_run_that_is_out_of_time_leaves_nothing_behind(client: Any, tmp_path: Path) -> None:
    """The call returns at once, and the cluster forgets all of it."""
    gate, tasks = tmp_path / "gate", client.cluster.scheduler.tasks
    result = lw.parallel_map(partial(hold, gate), range(20), executor=client, workers=20, timeout=0.5)
    assert result.status == lw.RunStatus.TIMED_OUT and not result.successes()
    wait_until(lambda: not tasks)
    gate.touch()
    assert lw.parallel_map(square, [3], executor=client).values() == [9]


def test_an_item_may_take_only_so_long(client: Any, tmp_path: Path) -> None:
    """The others are waited for."""
    gate = tmp_path / "gate"
    thread, results = run_apart(fn=partial(hold_first, gate), items=range(4), executor=client, task_timeout=2)
    wait_until(lambda: bool(results))
    gate.touch()
    thread.join(SECONDS)
    assert [index for index, _ in results[0].failures()] == [0]
    assert isinstance(results[0].failures()[0][1], lw.TimedOut)


def test_a_client_that_is_closed_in_the_middle_ends_the_run(cluster: Any, tmp_path: Path) -> None:
    """What was finished is there, and the rest says why it is not."""
    gate = tmp_path / "gate"
    with distributed.Client(cluster) as client:
        thread, results = run_apart(fn=partial(hold_later, gate), items=range(10), executor=client, chunk_size=1)
        wait_until((tmp_path / "3").exists)
    thread.join(SECONDS)
    gate.touch()
    assert {index for index, _ in results[0].successes()} <= {0, 1, 2}
    assert results[0].failures()
    assert all(isinstance(error, RuntimeError) and "in the middle" in str(error) for _, error in results[0].failures())


def test_what_waiting_for_dask_fails_with_is_told(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does where results are fetched just when a client is closed; dask's own executor then says nothing for ever."""

    async def fetch(*_: object, **__: object) -> None:
        raise asyncio.CancelledError("in between")

    monkeypatch.setattr(client, "_gather", fetch)
    result = lw.parallel_map(square, range(3), executor=client, chunk_size=1, timeout=SECONDS)
    assert [str(error) for _, error in result.failures()] == ["in between"] * 3


def hold_later(gate: Path, number: int) -> int:
    """Let the first few through, and note who was held up."""
    if number < 3:
        return number
    gate.with_name(str(number)).touch()
    return hold(gate, number)


def test_a_client_is_left_open(client: Any) -> None:
    """Call after call."""
    for _ in range(3):
        assert lw.parallel_map(square, [2], executor=client).values() == [4]
    assert client.status == "running"


# --- What is refused --------------------------------------------------------------------------------------------------


def test_an_asynchronous_client_is_refused(cluster: Any) -> None:
    """Its event loop would wait for itself."""

    async def main() -> None:
        async with distributed.Client(cluster.scheduler_address, asynchronous=True) as client:
            with pytest.raises(TypeError, match="asynchronous=False"):
                lw.parallel_map(square, [1], executor=client)

    asyncio.run(main())


def test_a_closed_client_is_refused(cluster: Any) -> None:
    """Whatever the call asks for."""
    client = distributed.Client(cluster)
    client.close()
    for workers in (None, 2):
        with pytest.raises(RuntimeError, match="make a new Client"):
            lw.parallel_map(square, [1], executor=client, workers=workers)


def test_a_cluster_without_workers_is_refused() -> None:
    """Unless the call says how many there will be."""
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        with pytest.raises(RuntimeError, match="wait_for_workers"):
            lw.parallel_map(square, [1], executor=client)
        thread, results = run_apart(fn=square, items=[1, 2], executor=client, workers=2)
        cluster.scale(1)
        thread.join(SECONDS)
        assert results[0].values() == [1, 4]


WITHOUT_US = """
import asyncio, sys
sys.modules["lightwork"] = None  # as if it were not installed
from distributed import Scheduler, Worker

async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address=":0") as scheduler, Worker(scheduler.address, nthreads=1):
        print(scheduler.address, flush=True)
        await scheduler.finished()

asyncio.run(main())
"""


def test_a_cluster_that_cannot_import_us_is_refused() -> None:
    """Before anything runs, with what to do."""
    with subprocess.Popen([sys.executable, "-c", WITHOUT_US], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            with distributed.Client(process.stdout.readline().strip()) as client, pytest.raises(RuntimeError, match="able to import lightwork"):
                lw.parallel_map(square, [1], executor=client)
        finally:
            process.kill()


def test_nothing_of_dask_is_imported_where_it_is_not_used() -> None:
    """A call in threads has no need of it."""
    code = "import sys, lightwork; lightwork.parallel_map(abs, [1], workers=2); print({'asyncio', 'dask', 'distributed'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
