"""Runs over items in worker processes, which lose nothing but what a death, a hang or a failure is about."""

import ctypes
import errno
import logging
import os
import pickle
import resource
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interrupts import interrupt_once

import lightwork as lw
from lightwork._gil import has_gil
from lightwork.executors.process import backend, parcels, workshop
from lightwork.executors.process.worker import Worker
from lightwork.processes import dumping

pytest.importorskip("loky")

WORKERS = 2
LOCK = threading.Lock()


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """Let the tests share workers, and leave none."""
    yield
    assert lw.shutdown(30)


def run(fn: Callable[..., Any], items: Any, **options: Any) -> lw.ParallelResult[Any]:
    """Run items in two processes."""
    result: lw.ParallelResult[Any] = lw.parallel_map(fn, items, executor="process", workers=WORKERS, **options)
    return result


def square(item: int) -> int:
    """Return a value."""
    return item * item


def pid(_item: object = None) -> int:
    """Return who calls."""
    return os.getpid()


# --- Deaths -------------------------------------------------------------------------------------------------------------

N_ITEMS, FATAL = 100, 37


def overflow(depth: int = 0) -> int:
    """Use the C stack up."""
    return 1 + int(ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)(overflow)(depth + 1))


def deep() -> None:
    """Use the C stack up, whatever Python thinks of it."""
    import sys  # noqa: PLC0415

    sys.setrecursionlimit(10**9)
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    overflow()


DEATHS: dict[str, tuple[Callable[[], object], str | None, int | None]] = {
    "kill -9": (lambda: os.kill(os.getpid(), signal.SIGKILL), "SIGKILL", None),
    "os._exit": (lambda: os._exit(3), None, 3),
    "segfault": (lambda: ctypes.string_at(0), "SIGSEGV", None),
    "abort": (os.abort, "SIGABRT", None),
    "stack overflow": (deep, "SIGSEGV", None),
}


@pytest.mark.parametrize("way", DEATHS)
def test_a_death_costs_the_item_that_died(way: str) -> None:
    """The others arrive, the error tells how it was, and the workers are as good as before."""

    def mortal(item: int) -> int:
        if item == FATAL:
            DEATHS[way][0]()
        return item

    result = run(mortal, range(N_ITEMS))
    _, name, code = DEATHS[way]
    (failure,) = result.failures()
    assert failure[0] == FATAL
    lost = failure[1]
    assert isinstance(lost, lw.WorkerLost)
    assert (lost.signal, lost.is_poisonous) == (name, False)
    assert code is None or lost.exit_code == code
    assert lost.pid != os.getpid()
    assert result.ok_values() == [item for item in range(N_ITEMS) if item != FATAL]
    assert list(run(square, range(10))) == [item * item for item in range(10)]


def test_a_crash_speaks(capfd: pytest.CaptureFixture[str]) -> None:
    """The error has the end of what the process wrote, and so has this process's standard error."""

    def crash(_item: object) -> None:
        os.write(2, b"so long\n")
        ctypes.string_at(0)

    lost = run(crash, [1]).failures()[0][1]
    assert isinstance(lost, lw.WorkerLost)
    assert "so long" in lost.stderr and "Segmentation fault" in lost.stderr and "in crash" in lost.stderr
    assert "so long" in capfd.readouterr().err


def test_a_lost_item_is_tried_again(tmp_path: Any) -> None:
    """Where that is asked for; its chunk mates make no attempts for it."""

    def die_once(item: int) -> int:
        mark = tmp_path / "died"
        if item == FATAL and not mark.exists():
            mark.touch()
            os._exit(1)
        return item

    result = run(die_once, range(N_ITEMS), retry=lw.Retry(attempts=5, backoff=0.001, on=lw.WorkerLost))
    assert list(result) == list(range(N_ITEMS))
    assert [each.index for each in result.item_results() if each.attempts == 2] == [FATAL]


def fork_by_module() -> None:
    """Have a child that sleeps."""
    get_context("fork").Process(target=time.sleep, args=(20,), daemon=True).start()


@pytest.mark.parametrize("fork", [os.fork, fork_by_module])
def test_a_death_is_noticed_though_a_forked_child_lives(fork: Callable[[], int | None]) -> None:
    """It has what its parent had open, but nobody takes it for its parent."""

    def fork_and_die(item: int) -> int:
        if item == 3:
            if fork() == 0:
                time.sleep(20)
            os._exit(5)
        return item

    began = time.monotonic()
    result = run(fork_and_die, range(6))
    assert time.monotonic() - began < 10
    assert [(index, type(error)) for index, error in result.failures()] == [(3, lw.WorkerLost)]


# Without a GIL the allocator has taken a gigabyte before there is a limit.
UNTELLABLE = ["too large", "too large together", "cut off"] if has_gil() else ["cut off"]


@pytest.mark.parametrize("chunk_size", [1, 20])
@pytest.mark.parametrize("way", UNTELLABLE)
def test_what_cannot_be_told_is_its_items_own_failure(way: str, chunk_size: int | None) -> None:
    """Its chunk mates are run again; all are well where it was but too much together."""
    size = {"too large": 300, "too large together": 25, "cut off": 0}[way] << 20

    def limit() -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20), resource.RLIM_INFINITY))

    def give(item: int) -> object:
        if way == "cut off" and item == 7:
            os.closerange(3, 256)
        return bytes(size) if item == 7 or way == "too large together" else item

    with lw.ProcessPool(1, initializer=limit) as pool:
        result = lw.parallel_map(give, range(20), executor=pool, chunk_size=chunk_size)
    assert [(index, type(error)) for index, error in result.failures()] == ([] if way == "too large together" else [(7, lw.WorkerLost)])
    assert len(result.ok_values()) >= 19


def test_a_poisonous_item_is_given_up() -> None:
    """It ends two processes, and no more of them."""

    def die(item: int) -> int:
        if item == 1:
            os._exit(1)
        return item

    result = run(die, range(4), retry=lw.Retry(attempts=50, backoff=0.001))
    ((index, lost),) = result.failures()
    assert index == 1 and isinstance(lost, lw.WorkerLost)
    assert lost.is_poisonous and "poisonous" in str(lost)
    assert next(each for each in result.item_results() if each.index == 1).attempts == 2


def test_every_item_may_die() -> None:
    """Each fails by itself."""

    def die(_item: int) -> None:
        os._exit(1)

    assert [index for index, _ in run(die, range(5)).failures()] == list(range(5))


def test_a_memory_limit_is_an_items_own_affair() -> None:
    """Four gigabytes under a limit of fewer are a MemoryError of that item."""

    def allocate(item: int) -> int:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, hard))
        try:
            return len(bytearray(4 << 30)) if item == 5 else item
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

    result = run(allocate, range(10))
    ((index, error),) = result.failures()
    assert index == 5 and isinstance(error, MemoryError)


# --- Errors and values --------------------------------------------------------------------------------------------------


class TwoArgumentsError(Exception):
    """An exception that cannot be made anew from its ``args``."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class LockedError(Exception):
    """An exception that holds what cannot be pickled."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


def test_an_overdue_item_that_ends_after_all_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its worker would be handed next does not die in its place."""
    go, begun, free = (tmp_path / name for name in ("go", "begun", "free"))
    kill = Worker.kill

    def kill_late(worker: Worker, by: signal.Signals = signal.SIGKILL) -> None:
        go.touch()
        end = time.monotonic() + 1
        while not begun.exists() and time.monotonic() < end:  # which it never does
            time.sleep(0.01)
        kill(worker, by)
        free.touch()

    def follow(item: int) -> int:
        if item:
            begun.touch()
        while not (free if item else go).exists():
            time.sleep(0.01)
        return item

    monkeypatch.setattr(Worker, "kill", kill_late)
    result = lw.parallel_map(follow, range(2), executor="process", workers=1, chunk_size=1, task_timeout=3)
    assert result.ok_values() == [1]
    assert isinstance(result.failures()[0][1], lw.TimedOut)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_workers_start_where_there_is_nothing_to_print_to(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in programs without a console."""
    assert lw.shutdown(30)
    monkeypatch.setattr(sys, name, None)
    assert list(run(abs, [-1, -2])) == [1, 2]
    assert getattr(sys, name) is None


def test_a_closed_standard_error_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """For workers write to what has its number; they would fail by that, one after the other."""
    assert lw.shutdown(30)
    monkeypatch.setattr(sys, "__stderr__", None)
    with pytest.raises(RuntimeError, match="standard error, which is closed here; start the program with"):
        run(abs, [-1, -2])


def test_a_removed_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the current one, in which no worker can start."""
    assert lw.shutdown(30)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here").rmdir()
    with pytest.raises(FileNotFoundError, match=r"current directory, which was removed; go to another by os\.chdir"):
        run(abs, [-1, -2])


def test_a_full_directory_of_temporary_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left in it."""

    def refuse(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    assert lw.shutdown(30)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match="a little room in .*; make some, or set TMPDIR"):
        run(abs, [-1, -2])
    assert not list(tmp_path.iterdir())


class FrozenError(Exception):
    """One none of whose attributes can be set, as those of a frozen dataclass."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def fail_with(make: Callable[[], BaseException]) -> BaseException:
    """Return what comes of an error."""

    def fail(item: int) -> int:
        if item == 3:
            raise make()
        return item

    result = run(fail, range(10))
    assert result.ok_values() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    return result.failures()[0][1]


def test_an_error_keeps_its_type() -> None:
    """And its arguments, with the traceback of the other process as its cause."""
    error = fail_with(lambda: KeyError("key", 1))
    assert type(error) is KeyError and error.args == ("key", 1)
    assert isinstance(error.__cause__, lw.RemoteTraceback)
    assert "in fail\n" in str(error.__cause__) and "KeyError: ('key', 1)" in str(error.__cause__)
    assert type(fail_with(lambda: KeyError(object()))) is KeyError  # whose text has an address


@pytest.mark.parametrize(
    "make",
    [lambda: TwoArgumentsError(1, 2), lambda: LockedError("1 and 2"), lambda: FrozenError("1 and 2")],
    ids=["two arguments", "a lock", "frozen"],
)
def test_an_error_that_cannot_travel_is_told(make: Callable[[], BaseException]) -> None:
    """By its type's name, its text and its traceback."""
    error = fail_with(make)
    assert isinstance(error, lw.RemoteError)
    assert error.type_name.endswith(type(make()).__name__) and "1 and 2" in str(error)
    assert "in fail\n" in str(error.__cause__)


def test_a_value_that_cannot_be_pickled_fails_its_item_alone() -> None:
    """As a lock."""

    def give(item: int) -> object:
        return threading.Lock() if item == 3 else item

    result = run(give, range(10))
    ((index, error),) = result.failures()
    assert index == 3 and isinstance(error, TypeError) and "lock" in str(error)
    assert len(result.ok_values()) == 9


def test_a_lambda_is_a_value() -> None:
    """And a function, for cloudpickle."""
    result = run(lambda item: lambda: item, range(3))
    assert [value() for value in result] == [0, 1, 2]


def test_a_large_value_arrives() -> None:
    """In one piece."""
    (value,) = run(lambda n: np.arange(n), [5_000_000])
    assert np.array_equal(value, np.arange(5_000_000))


@pytest.mark.parametrize(
    ("fn", "items", "path"), [(lambda _: LOCK.locked(), [1], "obj<global LOCK>"), (square, [1, [LOCK]], "obj[0]")], ids=["function", "item"]
)
def test_what_cannot_be_sent_is_the_callers_error(fn: Callable[[Any], object], items: list[Any], path: str) -> None:
    """It says where the obstacle is, and that threads are a way."""
    began = time.monotonic()
    with pytest.raises(TypeError, match="executor='thread'") as raised:
        run(fn, items)
    assert path in str(raised.value) and "lock" in str(raised.value)
    assert ("item 1 " in str(raised.value)) is (fn is square)
    assert time.monotonic() - began < 10


def test_what_cannot_be_loaded_is_the_callers_error() -> None:
    """And ends the run."""
    with pytest.raises(Exception, match="item 2 cannot be loaded in a worker process") as raised:
        run(square, [0, 1, Unloadable()], chunk_size=1)
    assert "not here" in str(raised.value.__cause__)


class Unloadable:
    """Pickled, but not loaded."""

    def __reduce__(self) -> Any:
        return (_refuse, ())


def _refuse() -> None:
    raise ValueError("not here")


# --- Time ---------------------------------------------------------------------------------------------------------------


def test_a_hang_is_ended() -> None:
    """The item has timed out, its process is gone, and the others arrive."""

    def hang(item: int) -> int:
        if item == 5:
            time.sleep(1000)
        return item

    result = run(hang, range(20), task_timeout=1.0)
    ((index, error),) = result.failures()
    assert index == 5 and isinstance(error, lw.TimedOut)
    assert len(result.ok_values()) == 19


def test_the_end_of_a_run_ends_what_nobody_waits_for(tmp_path: Any) -> None:
    """A process that is at an item when the run's time is over is ended with it."""

    def hang(_item: int) -> None:
        (tmp_path / str(os.getpid())).touch()
        time.sleep(1000)

    run(square, range(10))  # the workers are warm
    result = run(hang, range(2), timeout=1.0)
    assert result.status == lw.RunStatus.TIMED_OUT
    for path in tmp_path.iterdir():
        _wait_until_gone(int(path.name))


def _wait_until_gone(process: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail(f"process {process} is still there")


@pytest.mark.parametrize("has_gone", [True, False])
def test_an_interrupt_amid_the_handing_out_loses_no_worker(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, has_gone: bool
) -> None:
    """Ctrl-C is raised; whether the chunk has gone or not, its worker ends, nobody else gets it, and the next run goes well."""
    run(square, range(10))  # the workers are warm: this thread hands them their first chunks
    interrupt_once(monkeypatch, has_gone=has_gone)
    with pytest.raises(KeyboardInterrupt):
        run(square, range(1_000))
    assert list(run(square, range(1_000))) == [item * item for item in range(1_000)]
    assert not caplog.records


# --- Around it ----------------------------------------------------------------------------------------------------------


def test_workers_stay_warm() -> None:
    """The next call has the same ones."""
    first = {*run(pid, range(50)), *run(pid, range(50))}
    assert set(run(pid, range(50))) <= first | set(run(pid, range(50)))
    assert len(first) <= 2 * WORKERS and os.getpid() not in first


def test_log_records_reach_this_process(caplog: pytest.LogCaptureFixture) -> None:
    """With their arguments filled in, by the levels that hold here."""

    def tell(item: int) -> None:
        logging.getLogger("far").info("item %d", item)
        logging.getLogger("far.quiet").info("not this")

    logging.getLogger("far.quiet").setLevel(logging.WARNING)
    with caplog.at_level(logging.INFO):
        run(tell, [7])
        assert [(record.name, record.getMessage(), record.process != os.getpid()) for record in caplog.records] == [("far", "item 7", True)]
        for n_calls in range(1, 51):  # each is there when the call returns
            caplog.clear()
            run(tell, range(4))
            assert len(caplog.records) == 4, n_calls


def test_filters_of_warnings_travel() -> None:
    """What is an error here is one there, and what is ignored is ignored."""

    def warn(_item: int) -> None:
        warnings.warn("careful", stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(run(warn, [1]).failures()[0][1], UserWarning)
        warnings.simplefilter("ignore")
        assert run(warn, [1]).ok


def test_inner_threads_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is imported; what the user has set stays."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS")
    each = str(max(1, lw.cpu_budget() // WORKERS))
    assert run(lambda _: tuple(map(os.environ.get, names)), [1])[0][::3] == (each, "7")


def test_ctrl_c_is_ignored_there() -> None:
    """The parent ends them."""

    def interrupt(_item: int) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "went on"

    assert list(run(interrupt, range(2))) == ["went on"] * 2


def test_seeds_are_those_of_threads() -> None:
    """They depend on the item's index alone."""

    def draw(_item: int, rng: np.random.SeedSequence) -> int:
        return int(np.random.default_rng(rng).integers(1 << 60))

    assert list(run(draw, range(20), rng=5)) == list(lw.parallel_map(draw, range(20), rng=5))


def test_a_function_travels_once_per_worker() -> None:
    """However many chunks there are."""
    loads_of = Counted()
    result = run(loads_of, range(50), chunk_size=1)
    assert max(result) <= 1


class Counted:
    """A function that knows how often it was loaded in a process."""

    n_loads = 0

    def __reduce__(self) -> Any:
        return (_load, ())

    def __call__(self, _item: object) -> int:
        return Counted.n_loads


def _load() -> Counted:
    Counted.n_loads += 1
    return Counted()


# --- The same as everywhere ---------------------------------------------------------------------------------------------


def outcome(step: tuple[str, int]) -> int:
    """Do as told."""
    what, number = step
    if what == "raise":
        raise ValueError(number)
    return number


STEPS = st.lists(st.tuples(st.sampled_from(["return", "return", "raise"]), st.integers(-5, 5)), max_size=30)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, st.sampled_from([None, 1, 4]), st.integers(1, 3))
def test_serial_threads_and_processes_agree(steps: list[tuple[str, int]], chunk_size: int | None, attempts: int) -> None:
    """In values, errors and attempts."""
    retry = lw.Retry(attempts=attempts, backoff=0)
    told = []
    for executor in ("serial", "thread", "process"):
        result = lw.parallel_map(outcome, steps, executor=executor, workers=WORKERS, chunk_size=chunk_size, retry=retry)
        told.append([(each.index, each.attempts, each.ok, str(each.error), each.value if each.ok else None) for each in result.item_results()])
    assert told[0] == told[1] == told[2]


def test_streams_and_tasks_go_there_too() -> None:
    """By every door."""
    stream = lw.parallel_iter(square, range(20), executor="process", workers=WORKERS, ordered=False)
    assert {each.index: each.value for each in stream} == {item: item * item for item in range(20)}
    tasks = [lw.Task(pow, (2, n)) for n in range(5)]
    assert {each.value for each in lw.iter_tasks(tasks, executor="process", workers=WORKERS)} == {1, 2, 4, 8, 16}
    assert list(lw.parallel_starmap(pow, [(2, 3), (3, 2)], executor="process", workers=WORKERS)) == [8, 9]


def test_the_standard_library_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither loky nor cloudpickle is installed: a death costs its item, and what was finished arrives."""
    assert lw.shutdown(30)
    monkeypatch.setattr(backend, "_loky", lambda: None)
    monkeypatch.setattr(parcels, "pickling", lambda: pickle)
    monkeypatch.setattr(dumping, "_pickler", lambda: type("Pickler", (dumping._Arrays, pickle.Pickler), {}))
    result = run(die_at_three, range(10))
    ((index, lost),) = result.failures()
    assert index == 3 and isinstance(lost, lw.WorkerLost) and lost.exit_code == 1
    assert len(result.ok_values()) == 9
    with pytest.raises(TypeError, match="lambda has no name"):
        run(lambda item: item, range(10))
    assert lw.shutdown(30)


def die_at_three(item: int) -> int:
    """End the process at an item."""
    if item == 3:
        os._exit(1)
    return item


def test_idle_workers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some time without work, without anybody's asking."""
    assert lw.shutdown(30)
    monkeypatch.setattr(workshop, "IDLE_SECONDS", 0.05)
    processes = set(run(pid, range(10)))
    for process in processes:
        _wait_until_gone(process)


def test_a_worker_that_died_while_idle_is_not_missed() -> None:
    """Another takes its place."""
    for process in set(run(pid, range(50))):
        os.kill(process, signal.SIGKILL)
    assert list(run(square, range(10))) == [item * item for item in range(10)]


def test_stages_may_be_there() -> None:
    """With an item's death in the second of them."""
    result = lw.map_stages(range(10), square, die_at_three_squared, executor="process", workers=WORKERS)
    assert [index for index, _ in result.failures()] == [3]


@lw.parallel(executor="process", workers=WORKERS)
def cube(item: int) -> int:
    """Be found by a name that is the decorated function's."""
    return item**3


def test_decorated_functions_go_there() -> None:
    """By their names, which are those of what the decorator made of them."""
    assert list(cube.map(range(5))) == [0, 1, 8, 27, 64]


def die_at_three_squared(item: int) -> int:
    """End the process at an item's square."""
    if item == 9:
        os._exit(1)
    return item
