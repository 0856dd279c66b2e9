"""joblib's ``Parallel`` on lightwork's threads."""

import contextvars
import itertools
import multiprocessing
import queue
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import garbage
import pytest
from lightwork._core.items import shared_core

import lightwork as lw
from lightwork.executors.stealing import Threads

joblib = pytest.importorskip("joblib")

from lightwork.integrations.joblib import LightworkBackend, register  # noqa: E402

SECONDS = 60
MODES = ["list", "generator"]
if tuple(map(int, joblib.__version__.split(".")[:2])) >= (1, 4):
    MODES.append("generator_unordered")


@pytest.fixture(autouse=True)
def backend() -> Iterator[None]:
    """Every test calls joblib as a program does that has chosen the backend."""
    register()
    with joblib.parallel_config(backend="lightwork"):
        yield


def calls(function: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    """Yield the calls of a function, as joblib takes them."""
    return map(joblib.delayed(function), *arguments)


def square(number: int) -> int:
    """Something to call."""
    return number * number


def hold(started: threading.Event, release: threading.Event) -> bool:
    """Say that the call has begun, and stay in it until it is released."""
    started.set()
    return release.wait(SECONDS)


# --- Results --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 5, -1])
@pytest.mark.parametrize("mode", MODES)
def test_all_results_come(mode: str, n_jobs: int | None) -> None:
    """In every mode, and in their order where that was asked for."""
    results = list(joblib.Parallel(n_jobs=n_jobs, return_as=mode)(calls(square, range(300))))
    assert (sorted(results) if mode == "generator_unordered" else results) == [number**2 for number in range(300)]


@pytest.mark.parametrize(
    "options", [{"batch_size": 1}, {"batch_size": 7}, {"pre_dispatch": "all"}, {"pre_dispatch": 1}, {"timeout": SECONDS}], ids=str
)
@pytest.mark.parametrize("mode", MODES)
def test_all_results_come_however_they_are_handed_over(mode: str, options: dict[str, Any]) -> None:
    """Batches of any size, sources read at once or one by one, and calls that have only so much time."""
    results = joblib.Parallel(n_jobs=3, return_as=mode, **options)(calls(square, range(100)))
    assert sorted(results) == [number**2 for number in range(100)]


def test_nothing_comes_of_nothing() -> None:
    """An empty source has no results."""
    assert joblib.Parallel(n_jobs=2)(calls(square, ())) == []


def test_quick_calls_go_together() -> None:
    """A thousand calls that do nothing are no thousand batches."""
    parallel = joblib.Parallel(n_jobs=2)
    parallel(calls(square, range(1_000)))
    assert parallel.n_dispatched_batches < 500


def test_calls_see_the_callers_context() -> None:
    """Context variables reach them, and what they set stays theirs."""
    variable = contextvars.ContextVar("variable", default="unset")

    def look_and_set(_: int) -> str:
        seen = variable.get()
        variable.set("changed")
        return seen

    variable.set("outside")
    assert joblib.Parallel(n_jobs=2, batch_size=1)(calls(look_and_set, range(50))) == ["outside"] * 50
    assert variable.get() == "outside"


def test_one_parallel_serves_many_calls() -> None:
    """In its ``with`` statement, with fewer, more and no calls."""
    with joblib.Parallel(n_jobs=2) as parallel:
        for n_calls in (3, 0, 200):
            assert parallel(calls(square, range(n_calls))) == [number**2 for number in range(n_calls)]


def test_several_run_under_one_configuration() -> None:
    """While one is being read another one runs, and its end is not the end of the first."""
    first = joblib.Parallel(n_jobs=2, return_as="generator")(calls(square, range(200)))
    head = [next(first) for _ in range(3)]
    assert joblib.Parallel(n_jobs=2)(calls(square, range(50))) == [number**2 for number in range(50)]
    assert head + list(first) == [number**2 for number in range(200)]


def test_several_threads_call_at_once() -> None:
    """Each has its own results."""
    results: dict[int, list[int]] = {}

    def call(start: int) -> None:
        with joblib.parallel_config(backend="lightwork", n_jobs=2):
            results[start] = joblib.Parallel()(calls(square, range(start, start + 100)))

    threads = [threading.Thread(target=call, args=(start,)) for start in range(0, 400, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert results == {start: [number**2 for number in range(start, start + 100)] for start in range(0, 400, 100)}


def test_nothing_is_kept_of_a_call() -> None:
    """Functions, arguments and results go when the caller lets go of them."""

    class Argument:
        def __init__(self) -> None:
            self.me = self  # only the collector finds out

    arguments = [Argument() for _ in range(20)]
    references = [weakref.ref(argument) for argument in arguments]
    joblib.Parallel(n_jobs=2)(calls(id, arguments))
    del arguments
    garbage.collect()
    assert [reference() for reference in references] == [None] * 20


# --- Threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_as_many_run_at_a_time_as_were_asked_for(mode: str) -> None:
    """Three meet, and there are never four; who waits for a list is one of them, and no thread is a stranger."""
    barrier = threading.Barrier(3)
    threads: set[threading.Thread] = set()
    inside: set[int] = set()
    most = [0]

    def meet(number: int) -> int:
        inside.add(number)
        barrier.wait(SECONDS)
        threads.add(threading.current_thread())
        most[0] = max(most[0], len(inside))
        barrier.wait(SECONDS)
        inside.discard(number)
        return number

    assert sorted(joblib.Parallel(n_jobs=3, batch_size=1, return_as=mode)(calls(meet, range(9)))) == list(range(9))
    assert most == [3]
    others = threads - {threading.current_thread()}
    assert all(thread.name.startswith("lightwork-") for thread in others)
    assert (threads > others) == (mode == "list")


@pytest.mark.parametrize(("n_jobs", "expected"), [(1, 1), (3, 3), (-1, 4), (-2, 3), (-9, 1), (None, 4), (10**6, 1023)])
def test_how_many_jobs_there_are(n_jobs: int | None, expected: int) -> None:
    """All workers that lightwork has, or so many less."""
    with lw.configure(workers=4):
        assert LightworkBackend().effective_n_jobs(n_jobs) == expected
        assert joblib.effective_n_jobs(n_jobs) == expected


def test_minus_one_is_the_budget() -> None:
    """Where nothing is configured."""
    assert joblib.effective_n_jobs(-1) == lw.cpu_budget()


def test_no_jobs_at_all_are_refused() -> None:
    """As by joblib's own backends, and told what to say instead."""
    with pytest.raises(ValueError, match="pass -1"):
        joblib.Parallel(n_jobs=0)(calls(square, range(3)))


def test_it_can_be_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """For code that names no backend."""
    monkeypatch.setattr(joblib.parallel, "DEFAULT_BACKEND", joblib.parallel.DEFAULT_BACKEND)
    register(make_default=True)
    with joblib.parallel_config(n_jobs=2):
        assert isinstance(joblib.Parallel()._backend, LightworkBackend)


def never(*_: Any) -> None:
    """A pool without a free thread: what is spawned there waits."""


def refuse(*_: Any) -> None:
    """A pool without threads."""
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("spawn", [never, refuse])
def test_a_caller_does_it_alone_where_no_thread_comes(spawn: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a list needs nobody else."""
    monkeypatch.setattr(Threads, "spawn", spawn)
    assert joblib.Parallel(n_jobs=4)(calls(square, range(100))) == [number**2 for number in range(100)]


def test_a_reader_is_told_that_there_are_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads a generator does nothing himself, and would wait for ever."""
    monkeypatch.setattr(Threads, "spawn", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        joblib.Parallel(n_jobs=4, return_as="generator")(calls(square, range(100)))


def lose(_: Threads, call: Callable[..., None]) -> None:
    """A pool that finds later that it has no threads."""
    later.append(threading.Timer(0.01, call, (RuntimeError("can't start new thread"),)))
    later[-1].start()


later: list[threading.Timer] = []


@pytest.mark.parametrize("return_as", ["list", "generator"])
def test_threads_that_fail_to_come_are_not_waited_for(return_as: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can does it alone, and a reader is told."""
    monkeypatch.setattr(Threads, "spawn", lose)
    parallel = joblib.Parallel(n_jobs=4, return_as=return_as)
    if return_as == "list":
        assert parallel(calls(square, range(100))) == [number**2 for number in range(100)]
    else:
        with pytest.raises(RuntimeError, match="can't start"):
            list(parallel(calls(square, range(100))))
    while later:
        later.pop().join(SECONDS)


def test_a_backend_outside_of_a_call_refuses_work() -> None:
    """Batches belong to a call, and somebody who has none is told so."""
    with pytest.raises(RuntimeError, match="call Parallel"):
        LightworkBackend().submit(list, print)


# --- Calls in calls -------------------------------------------------------------------------------------------------


def total(depth: int, mode: str) -> int:
    """Add up calls in calls."""
    if depth == 0:
        return 1
    return sum(joblib.Parallel(n_jobs=2, return_as=mode)(calls(total, [depth - 1] * 3, [mode] * 3)))


@pytest.mark.parametrize("mode", MODES)
def test_calls_nest(mode: str) -> None:
    """Four deep, on the threads of the outermost."""
    assert total(4, mode) == 81


@pytest.mark.parametrize("mode", MODES)
def test_inner_calls_are_done_by_who_makes_them_where_nobody_is_free(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a thread that will not come, as on a pool of one worker."""
    expected = [number**2 for number in range(50)]

    def inner() -> list[int]:
        monkeypatch.setattr(Threads, "spawn", never)
        return sorted(joblib.Parallel(n_jobs=3, backend="lightwork", return_as=mode)(calls(square, range(50))))

    results: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
    Threads(1).spawn(lambda: results.put(inner()))
    assert results.get(timeout=SECONDS) == expected


def test_inner_calls_start_no_threads() -> None:
    """They share those there are."""
    barrier = threading.Barrier(2)

    def outer(_: int) -> int:
        barrier.wait(SECONDS)
        before = shared_core().statistics().n_threads
        joblib.Parallel(n_jobs=8)(calls(square, range(100)))
        barrier.wait(SECONDS)
        return shared_core().statistics().n_threads - before

    # The caller is no worker, and may have threads; who is called has none of his own.
    grown = joblib.Parallel(n_jobs=2, return_as="generator", batch_size=1)(calls(outer, range(2)))
    assert list(grown) == [0, 0]


def test_inner_calls_that_do_not_ask_run_in_order() -> None:
    """``n_jobs=None`` is one job in a task, as with joblib's own backends."""

    def inner(_: int) -> tuple[int, set[str]]:
        names = joblib.Parallel()(calls(lambda _: threading.current_thread().name, range(10)))
        return joblib.effective_n_jobs(None), set(names) - {threading.current_thread().name}

    assert joblib.Parallel(n_jobs=2)(calls(inner, range(4))) == [(1, set())] * 4


def test_items_of_lightwork_may_call_joblib() -> None:
    """And joblib's tasks may call lightwork, on the same threads."""

    def outer(number: int) -> int:
        return sum(joblib.Parallel(n_jobs=2, backend="lightwork")(calls(square, range(number))))  # joblib's choice is its thread's

    def over(number: int) -> int:
        return sum(lw.parallel_map(outer, range(number), workers=2).values())

    expected = [sum(sum(k * k for k in range(j)) for j in range(i)) for i in range(6)]
    assert joblib.Parallel(n_jobs=2)(calls(over, range(6))) == expected


# --- What goes wrong ------------------------------------------------------------------------------------------------


class Broken(Exception):
    """What tests raise."""


def fail_at(bad: int, error: type[BaseException], number: int) -> int:
    """Fail for one number."""
    if number == bad:
        raise error(f"number {number}")
    return number


@pytest.mark.parametrize("error", [Broken, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("mode", MODES)
def test_an_error_comes_out(mode: str, error: type[BaseException]) -> None:
    """Whatever it is, with the place where it was raised, and the same object may be used again."""
    parallel = joblib.Parallel(n_jobs=2, return_as=mode)
    with pytest.raises(error, match="number 30") as caught:
        list(parallel(calls(fail_at, itertools.repeat(30), itertools.repeat(error), range(100))))
    assert "fail_at" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert sorted(parallel(calls(square, range(20)))) == [number**2 for number in range(20)]


def test_a_kept_parallel_goes_on_after_an_error() -> None:
    """In its ``with`` statement."""
    with joblib.Parallel(n_jobs=2) as parallel:
        with pytest.raises(Broken):
            parallel(calls(fail_at, itertools.repeat(30), itertools.repeat(Broken), range(100)))
        assert parallel(calls(square, range(20))) == [number**2 for number in range(20)]


@pytest.mark.parametrize("mode", MODES)
def test_an_error_does_not_wait_for_other_calls(mode: str) -> None:
    """It is raised while another thread's call still runs, and no other begins."""
    started, release = threading.Event(), threading.Event()
    begun: list[int] = []

    def call(number: int) -> None:
        begun.append(number)
        is_to_fail = threading.current_thread() is threading.main_thread() if mode == "list" else number == 1
        if not is_to_fail:
            hold(started, release)
        assert started.wait(SECONDS)
        raise Broken

    try:
        with pytest.raises(Broken):
            list(joblib.Parallel(n_jobs=2, batch_size=1, return_as=mode)(calls(call, range(50))))
        assert not release.is_set()
        assert sorted(begun) == [0, 1]
    finally:
        release.set()


@pytest.mark.parametrize("error", [Broken, SystemExit])
def test_an_error_of_the_source_comes_out(error: type[BaseException]) -> None:
    """Also one that joblib does not catch, in whichever thread the source was read."""

    def source() -> Iterator[Any]:
        yield from calls(square, range(50))
        raise error("the source")

    with pytest.raises(error, match="the source"):
        joblib.Parallel(n_jobs=2)(source())


@pytest.mark.parametrize("mode", MODES)
def test_a_call_that_takes_too_long_ends_the_wait(mode: str) -> None:
    """The call itself goes on, and can ask whether it is still wanted."""
    outcomes: queue.SimpleQueue[type[BaseException] | None] = queue.SimpleQueue()
    started, release = threading.Event(), threading.Event()

    def call() -> None:
        hold(started, release)
        try:
            lw.check_cancelled()
        except lw.Cancelled as error:
            outcomes.put(type(error))
        else:
            outcomes.put(None)

    def source() -> Iterator[Any]:
        yield from [joblib.delayed(call)()] * 2
        assert started.wait(SECONDS)  # joblib's watch starts when all of this was read

    with pytest.raises(multiprocessing.TimeoutError):
        list(joblib.Parallel(n_jobs=2, timeout=0.02, return_as=mode)(source()))
    release.set()
    assert outcomes.get(timeout=SECONDS) is lw.Cancelled


@pytest.mark.filterwarnings("ignore:.*tasks which were still being processed")
@pytest.mark.filterwarnings("ignore:.*tasks have been successfully executed")
@pytest.mark.parametrize("mode", MODES[1:])
def test_a_reader_who_leaves_ends_the_call(mode: str) -> None:
    """What was not begun is not begun, and what runs can ask."""
    started, release, cancelled = threading.Event(), threading.Event(), threading.Event()
    begun: list[int] = []

    def call(number: int) -> int:
        begun.append(number)
        if number:
            hold(started, release)
            try:
                lw.check_cancelled()
            except lw.Cancelled:
                cancelled.set()
        return number

    results = joblib.Parallel(n_jobs=2, batch_size=1, return_as=mode)(calls(call, range(100)))
    assert next(results) == 0
    assert started.wait(SECONDS)
    results.close()
    release.set()
    assert cancelled.wait(SECONDS)
    assert len(begun) <= 3


def test_the_source_is_read_no_further_than_was_asked_for() -> None:
    """``pre_dispatch`` batches ahead."""
    started, release = threading.Event(), threading.Event()
    n_read = itertools.count()
    read = [0]

    def source() -> Iterator[Any]:
        for _ in range(100):
            read[0] = next(n_read) + 1
            yield joblib.delayed(hold)(started, release)

    results = joblib.Parallel(n_jobs=2, batch_size=1, pre_dispatch=4, return_as="generator")(source())
    assert started.wait(SECONDS)
    assert read == [4]
    release.set()
    assert list(results) == [True] * 100
    assert read == [100]
