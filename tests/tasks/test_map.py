"""parallel_map and parallel_starmap: values, failures, policies, and what wrong input comes to."""

import asyncio
import contextvars
import ctypes
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import fields
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from operator import neg
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lightwork as lw
from lightwork.tasks.options import Options
from lightwork.testing import MockClock, deterministic, no_backoff, serial

SECONDS = 30

ANY_MAP_ITER: Any = lw.parallel_iter
ANY_MAP: Any = lw.parallel_map  # for options that are wrong, or known at run time only


class Inline(Executor):
    """An executor that makes each call when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call, and return what came of it."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def half(item: int) -> int:
    """Fail for odd items."""
    if item % 2:
        raise ValueError(item)
    return item // 2


def source(n_items: int, error: Exception | None = None) -> Iterator[int]:
    """Yield some numbers, and then fail perhaps."""
    yield from range(n_items)
    if error is not None:
        raise error


WAYS: list[dict[str, Any]] = [
    {},
    {"workers": 1},
    {"workers": 3, "window": 5},
    {"executor": "serial"},
    {"chunk_size": 7, "workers": 2},
    {"retry": lw.Retry(2, backoff=0.0), "workers": 2},
    {"rate_limit": lw.RateLimit(1e6, burst=50)},
    {"task_timeout": SECONDS, "timeout": SECONDS},
    {"max_in_flight": 1},
    {"batch_size": 3},
    {"errors": "collect", "item_key": str, "ordered": True},
]


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("make", [list, tuple, iter, dict.fromkeys], ids=lambda make: make.__name__)
def test_values_and_failures_are_those_of_a_loop(make: Callable[..., Any], options: dict[str, Any]) -> None:
    """Whatever the way, each item has its own outcome at its own place."""
    result = lw.parallel_map(half, make(range(50)), **options)
    assert result.successes() == [(i, i // 2) for i in range(0, 50, 2)]
    assert [(i, error.args) for i, error in result.failures()] == [(i, (i,)) for i in range(1, 50, 2)]
    assert (len(result), result.status, result.ok) == (50, lw.RunStatus.COMPLETED, False)


@given(st.lists(st.integers(-5, 5), max_size=60), st.integers(1, 4), st.none() | st.integers(1, 9), st.none() | st.integers(1, 9), st.booleans())
@settings(deadline=None, max_examples=40)
def test_any_list_in_any_cut(items: list[int], workers: int, window: int | None, chunk_size: int | None, is_sized: bool) -> None:
    """Window, chunks and workers change nothing in the values."""
    result = lw.parallel_map(neg, items if is_sized else iter(items), workers=workers, window=window, chunk_size=chunk_size)
    assert list(result) == [-item for item in items]


@pytest.mark.parametrize("how", ["threads", "pool", "inline"])
def test_other_executors_run_the_items(how: str) -> None:
    """An executor of one's own is used, and stays open."""
    executor: Executor = {"threads": lambda: ThreadPoolExecutor(3), "pool": lambda: lw.Pool(3), "inline": Inline}[how]()
    with executor:
        for _ in range(2):
            result = lw.parallel_map(half, range(1000), executor=executor, retry=lw.Retry(2, backoff=0.0))
            assert result.ok_values() == list(range(500))
            assert {item.attempts for item in result.item_results() if item.error} == {2}
        assert executor.submit(neg, 1).result(SECONDS) == -1


def test_processes_of_others_run_the_items() -> None:
    """Function, items and outcomes travel; policies stay here."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        result = lw.parallel_map(half, range(20), executor=executor, retry=lw.Retry(2, backoff=0.0))
        assert result.ok_values() == list(range(10))
        assert [error.args for _, error in result.failures()] == [(i,) for i in range(1, 20, 2)]
        assert lw.parallel_map(lambda x: x, [1], executor=executor).failures()  # cannot be sent: the item's failure


def unpicklable_if_five(item: object) -> object:
    """Return what cannot travel for one item."""
    return (lambda: item) if item == 5 else None


def test_what_cannot_travel_fails_alone_in_a_chunk_of_others() -> None:
    """Items before and after it are run, be it an item or what it returned."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        result = lw.parallel_map(unpicklable_if_five, [*range(8), lambda: None, *range(4)], executor=executor, chunk_size=12)
    assert [index for index, _ in result.failures()] == [5, 8]


class Choosy(Inline):
    """An executor that makes each call when it is submitted, but none in which there is a certain item."""

    def __init__(self, refused: int, *, raises: bool) -> None:
        self.refused = refused
        self.raises = raises
        self.calls: list[list[int]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Refuse, at once or in the future, or call."""
        self.calls.append(list(args[1]))
        if self.refused not in args[1]:
            return super().submit(fn, *args, **kwargs)
        if self.raises:
            raise BrokenExecutor
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor())
        return future


@pytest.mark.parametrize("raises", [True, False])
def test_what_an_executor_fails_with_is_found_out_item_by_item(raises: bool) -> None:
    """Those before it are run one by one, and those behind it in chunks again."""
    executor = Choosy(50, raises=raises)
    result = lw.parallel_map(neg, iter(range(100)), executor=executor, chunk_size=100, window=1_000, workers=1)
    assert [(index, type(error)) for index, error in result.failures()] == [(50, BrokenExecutor)]
    (refused,) = (call for call in executor.calls if 50 in call and len(call) > 1)
    at = executor.calls.index(refused)
    n_alone = 50 - refused[0] + 1
    assert executor.calls[at + 1 : at + 1 + n_alone] == [[item] for item in range(refused[0], 51)]
    assert all(len(call) > 1 for call in executor.calls[at + 1 + n_alone :])


def test_items_of_a_failed_chunk_do_not_begin_after_a_stop() -> None:
    """One by one means one at a time, with a look at the run in between."""
    token = lw.StopToken()
    executor = Choosy(50, raises=True)

    def work(item: int) -> int:
        if any(50 in call for call in executor.calls):
            token.stop()
        return item

    result = lw.parallel_map(work, iter(range(100)), executor=executor, chunk_size=100, window=1_000, workers=1, stop=token)
    first = next(call[0] for call in executor.calls if 50 in call)
    assert executor.calls[-1] == [first]
    assert (result.status, result.ok_values()) == (lw.RunStatus.CANCELLED, [*range(first + 1)])


def test_an_executor_that_is_shut_down_fails_the_items() -> None:
    """What it says is the failure of each."""
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        lw.parallel_map(neg, [1, 2], executor=executor)


def test_starmap_takes_arguments_and_every_option() -> None:
    """Items are tuples of arguments; and policies hold as for others."""
    assert list(lw.parallel_starmap(pow, [(2, 3), (3, 2)])) == [8, 9]
    result = lw.parallel_starmap(divmod, [(7, 2), (1, 0)], retry=lw.Retry(3, backoff=0.0), max_errors=5)
    assert (result.successes(), result.item_results()[1].attempts) == ([(0, (3, 1))], 3)


# --- Errors -----------------------------------------------------------------------------------------------------------


def test_failures_come_in_one_group_with_notes() -> None:
    """Asking for the values raises all failures, each with what it is about."""
    result = lw.parallel_map(half, [1, 2, 3], retry=lw.Retry(2, backoff=0.0), item_key=lambda item: f"key {item}")
    with pytest.raises(ExceptionGroup) as caught:
        list(result)
    assert [error.__notes__ for error in caught.value.exceptions] == [
        [f"in item {i}, key 'key {i + 1}', argument {i + 1}, after 2 attempts"] for i in (0, 2)
    ]


def test_the_first_failure_can_be_raised_and_carries_the_rest() -> None:
    """With errors="raise" nothing more begins, and what was finished comes with the exception."""
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        if item > 3:
            time.sleep(0.01)  # so many seconds in all that whoever fails has told of it long before
        return half(item)

    with pytest.raises(ValueError, match="3") as caught:
        lw.parallel_map(work, iter([0, 2, 3, *range(4, 2000, 2)]), errors="raise", workers=2, window=4)
    assert len(begun) < 500
    assert caught.value.partial_result.ok_values()[:1] in ([0], [1])  # type: ignore[attr-defined]  # the other worker may be in one of them
    assert caught.value.__notes__ == ["in item 2, argument 3"]


@pytest.mark.parametrize("options", [{"errors": "return"}, {"return_exceptions": True}])
def test_exceptions_can_stand_in_the_places_of_values(options: dict[str, Any]) -> None:
    """A list is returned then, in both ways to run."""
    for more in ({}, {"window": 2}):
        outcomes = ANY_MAP(half, [0, 1, 4], **options, **more)
        assert isinstance(outcomes, list)
        assert (outcomes[0], type(outcomes[1]), outcomes[2]) == (0, ValueError, 2)


@pytest.mark.parametrize("options", [{}, {"window": 3}, {"executor": "serial"}], ids=str)
def test_a_system_exit_is_its_item_s_failure(options: dict[str, Any]) -> None:
    """The others go on, and it is not tried again."""

    def leave(item: int) -> int:
        if item == 1:
            raise SystemExit(item)
        return item

    result = lw.parallel_map(leave, range(3), retry=lw.Retry(5, backoff=0.0) if options else None, **options)
    assert result.ok_values() == [0, 2]
    assert isinstance(result.failures()[0][1], SystemExit)
    assert result.item_results()[1].attempts == 1


@pytest.mark.parametrize("options", [{}, {"window": 3}, {"executor": "serial"}, {"workers": 2, "retry": lw.Retry(3)}], ids=str)
def test_an_interrupt_in_an_item_stops_the_run(options: dict[str, Any]) -> None:
    """It is raised in the caller, and carries what was finished."""

    def interrupt(item: int) -> int:
        if item == 20:
            raise KeyboardInterrupt
        return item

    with pytest.raises(KeyboardInterrupt) as caught:
        lw.parallel_map(interrupt, range(100_000), **options)
    partial = caught.value.partial_result  # type: ignore[attr-defined]
    assert partial.status is lw.RunStatus.CANCELLED
    assert len(partial.successes()) < 100_000
    assert lw.parallel_map(neg, range(10)).ok


@pytest.mark.parametrize("options", [{}, {"executor": "serial"}], ids=str)
def test_an_interrupt_in_a_hook_stops_the_run(options: dict[str, Any]) -> None:
    """Ctrl-C may come while a retry is decided about; it is no failure of the item."""

    def interrupt(_: lw.RetryInfo) -> None:
        raise KeyboardInterrupt

    retry = lw.Retry(3, backoff=0.0, on_retry=interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        lw.parallel_map(half, [0, 1, *range(2, 10_000, 2)], retry=retry, **options)
    assert caught.value.partial_result.status is lw.RunStatus.CANCELLED  # type: ignore[attr-defined]


def test_a_bad_item_in_a_chunk_fails_alone() -> None:
    """Those before it and behind it in the same chunk have their values."""
    result = lw.parallel_map(half, [0, 2, 4, 5, 6, 8], chunk_size=6, workers=2)
    assert result.successes() == [(0, 0), (1, 1), (2, 2), (4, 3), (5, 4)]


class MethodDef(ctypes.Structure):
    """CPython's ``PyMethodDef``."""

    _fields_ = (("name", ctypes.c_char_p), ("method", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


# For ever: the collector may come by a function that is gone.
NOTHING = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(lambda _module, _item: None)
BROKEN = MethodDef(b"broken", ctypes.cast(NOTHING, ctypes.c_void_p), 0x8, None)  # METH_O


@pytest.mark.parametrize("options", [{}, {"executor": "serial"}, {"retry": lw.Retry(2, backoff=0.0)}], ids=str)
def test_a_function_in_c_that_fails_without_an_error_has_failed(options: dict[str, Any]) -> None:
    """It breaks the rules of C's Python, which is told of the item as Python tells it."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, (ctypes.POINTER(MethodDef), ctypes.c_void_p, ctypes.c_void_p)
    result = lw.parallel_map(make(ctypes.byref(BROKEN), None, None), range(3), **options)
    assert [(index, type(error)) for index, error in result.failures()] == [(index, SystemError) for index in range(3)]


# --- Policies ---------------------------------------------------------------------------------------------------------


def times_with_two_that_wait() -> dict[int, float]:
    """Run twelve items on two workers, of which the first two wait half a second for another attempt; return when each was done."""
    began = time.perf_counter()
    done: dict[int, float] = {}

    def work(item: int) -> None:
        if item < 2 and item not in done:
            done[item] = 0.0
            raise ConnectionError
        done[item] = time.perf_counter() - began

    assert lw.parallel_map(work, range(12), workers=2, retry=lw.Retry(2, backoff=0.5, jitter="none")).ok
    return done


def test_waiting_for_another_attempt_holds_no_worker() -> None:
    """The healthy ones are done meanwhile, and the first of them at once, though a busy machine may need a second try for that."""
    for _ in range(5):
        done = times_with_two_that_wait()
        healthy = [done[i] for i in range(2, 12)]
        assert min(done[0], done[1]) >= 0.5
        assert max(healthy) < 0.4
        if min(healthy) < 0.05:
            return
    pytest.fail(f"the first healthy item was done after {min(healthy)} s")


def test_starts_keep_to_the_rate_with_stalls_and_retries() -> None:
    """In every window of T seconds there are at most rate * T + burst starts, whatever the items do."""
    starts: list[float] = []

    def work(item: int) -> None:
        starts.append(time.monotonic())
        if item < 2:
            time.sleep(0.15)
        if item % 5 == 0 and len(starts) < 20:
            raise ConnectionError

    lw.parallel_map(work, iter(range(25)), workers=2, window=20, rate_limit=lw.RateLimit(100, burst=2), retry=lw.Retry(3, backoff=0.01))
    starts.sort()
    assert len(starts) > 25
    slack = 8  # starts in 80 ms: a thread may lose its CPU between the stamp that was paid for and ours; the stall alone would be worth 15
    for i, first in enumerate(starts):
        for j in range(i, len(starts)):
            assert j - i + 1 <= 100 * (starts[j] - first) + 2 + slack


def test_a_limiter_is_shared_between_calls() -> None:
    """Two calls at the same time have one rate together."""
    limiter = lw.Limiter(lw.RateLimit(100))
    starts: list[float] = []

    def call() -> None:
        lw.parallel_map(lambda _: starts.append(time.monotonic()), range(8), rate_limit=limiter)

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(starts) - min(starts) >= 0.14
    assert limiter.statistics().granted == 16


def test_costs_are_paid() -> None:
    """An item that counts twice takes the time of two; one that never can is refused."""
    with MockClock(autojump=True) as clock:
        lw.parallel_map(neg, [1, 2, 3], rate_limit=lw.RateLimit(1, burst=3), cost=lambda item: item, executor="serial")
        assert clock.now() == pytest.approx(3.0)
    with pytest.raises(ValueError, match="burst"):
        lw.parallel_map(neg, [1], rate_limit=1, cost=2)
    with pytest.raises(ValueError, match="burst") as caught:
        lw.parallel_map(neg, [1, 5], rate_limit=lw.RateLimit(1e6, burst=3), cost=lambda item: item)
    assert caught.value.partial_result.successes() == [(0, -1)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("options", [{"executor": "serial"}, {"workers": 2}], ids=str)
def test_time_can_be_mocked(options: dict[str, Any]) -> None:
    """Hours of back-off pass in no time by a clock of one's own."""
    failed: list[int] = []

    def work(item: int) -> int:
        if item not in failed:
            failed.append(item)
            raise ConnectionError
        return item

    began = time.monotonic()
    with MockClock(autojump=True) as clock:
        assert lw.parallel_map(work, range(3), retry=lw.Retry(2, backoff=3600, max_delay=7200, jitter="none"), **options).ok
        assert clock.now() >= 3600
    assert time.monotonic() - began < SECONDS


def test_a_deadline_returns_at_once_with_what_is_done() -> None:
    """An item that goes on is told so, and not waited for."""
    told = threading.Event()

    def work(item: int) -> int:
        while item == 3:
            time.sleep(0.001)
            try:
                lw.check_cancelled()
            except lw.Cancelled:
                told.set()
                raise
        return item

    began = time.monotonic()
    result = lw.parallel_map(work, range(8), timeout=0.1, workers=2)
    assert 0.1 <= time.monotonic() - began < 1.0
    assert result.status is lw.RunStatus.TIMED_OUT
    assert result.ok_values() == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(result.failures()[0][1], TimeoutError)
    assert told.wait(SECONDS)


def test_an_item_that_takes_too_long_has_failed() -> None:
    """It is a TimeoutError that can be tried again, and the others have their values."""
    calls: list[int] = []

    def work(item: int) -> int:
        calls.append(item)
        while item == 1 and calls.count(1) == 1:
            time.sleep(0.001)
            lw.check_cancelled()
        return item

    result = lw.parallel_map(work, range(3), task_timeout=0.1, workers=3)
    assert result.ok_values() == [0, 2]
    assert isinstance(result.failures()[0][1], lw.TimedOut)
    calls.clear()
    assert lw.parallel_map(work, range(3), task_timeout=0.1, workers=3, retry=lw.Retry(2, backoff=0.0)).ok


@pytest.mark.parametrize("options", [{"workers": 1}, {"executor": "serial"}], ids=str)
@pytest.mark.parametrize("name", ["timeout", "task_timeout"])
def test_an_item_in_the_calling_thread_finds_that_its_time_is_over(name: str, options: dict[str, Any]) -> None:
    """Nobody else is there to tell it, and what it returns late is dropped as ever."""
    heard: list[BaseException] = []

    def work(item: int) -> int:
        clock.advance(5.0)
        try:
            lw.check_cancelled()
        except lw.Cancelled as error:
            heard.append(error)
        return item

    with MockClock() as clock:
        result = ANY_MAP(work, [1], **{name: 3.0}, **options)
    assert len(heard) == 1
    if name == "task_timeout":
        assert [type(error) for _, error in result.failures()] == [lw.TimedOut]
    else:
        assert (result.status, result.ok_values()) == (lw.RunStatus.TIMED_OUT, [1])  # it is done


def test_items_of_an_item_find_that_nobody_wants_that() -> None:
    """Though their own call has all the time in the world."""
    reasons: list[str] = []

    def work(item: int) -> int:
        clock.advance(5.0)
        try:
            lw.check_cancelled()
        except lw.Cancelled as error:
            reasons.append(str(error))
        return item

    def call(item: int) -> list[int]:
        return lw.parallel_map(work, [item], timeout=3600.0, workers=1).values()

    with MockClock() as clock:
        lw.parallel_map(call, [1], task_timeout=3.0, workers=1)
    assert reasons == ["the result of this item is not wanted any more: it took too long"]


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 2}], ids=str)
def test_what_comes_of_an_attempt_that_was_given_up_is_nobody_s_concern(options: dict[str, Any]) -> None:
    """No hook hears of it: the attempt failed when its time was over, and that was told."""
    told: list[tuple[int, Any]] = []
    ended = threading.Event()

    def work(item: int) -> int:
        if told:
            return item
        clock.advance(5.0)
        while not told and options["workers"] > 1:
            time.sleep(0.001)
        ended.set()
        raise ConnectionError("late")

    retry = lw.Retry(2, backoff=0.0, on_retry=lambda info: told.append((info.attempt, info.error)))
    with MockClock() as clock:
        assert lw.parallel_map(work, [1], task_timeout=3.0, retry=retry, **options).values() == [1]
        assert ended.wait(SECONDS)
    assert [(attempt, type(error)) for attempt, error in told] == [(1, lw.TimedOut)]


@pytest.mark.parametrize("options", [{"executor": "serial"}, {"workers": 2}], ids=str)
def test_what_the_source_gives_after_the_end_is_not_forgotten(options: dict[str, Any]) -> None:
    """It had no turn, and is among what remains to be done."""
    token = lw.StopToken()

    def numbers() -> Iterator[int]:
        yield 1
        token.stop()
        yield 2

    result = lw.parallel_map(neg, numbers(), stop=token, window=1, **options)
    assert (result.status, result.successes()) == (lw.RunStatus.CANCELLED, [(0, -1)])
    assert [index for index, _ in result.failures()] == [1]


def test_an_item_that_takes_too_long_fails_as_others_do() -> None:
    """In a list its exception has its place, and where failures are raised it is, with the note of its item."""

    def work(item: int) -> int:
        while item == 1:
            time.sleep(0.001)
            lw.check_cancelled()
        return item

    outcomes = lw.parallel_map(work, range(3), task_timeout=0.1, workers=3, errors="return")
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == [0, lw.TimedOut, 2]
    with pytest.raises(lw.TimedOut) as caught:
        lw.parallel_map(work, range(3), task_timeout=0.1, workers=3, errors="raise")
    assert caught.value.__notes__ == ["in item 1, argument 1"]
    results = lw.parallel_iter(work, range(3), task_timeout=0.1, workers=3)
    assert sorted(result.index for result in results if isinstance(result.error, lw.TimedOut)) == [1]


def test_too_many_failures_end_the_run() -> None:
    """What has not begun then has no turn."""
    result = lw.parallel_map(half, iter(range(1, 1001, 2)), max_errors=3, workers=1, window=4)
    assert result.status is lw.RunStatus.ABORTED
    assert sum(isinstance(error, ValueError) for _, error in result.failures()) == 3


@pytest.mark.parametrize("options", [{"workers": 2}, {"executor": "serial"}], ids=str)
def test_a_token_stops_the_run(options: dict[str, Any]) -> None:
    """From within an item or before the call; the source is not touched after it."""
    token = lw.StopToken()
    pulled: list[int] = []

    def numbers() -> Iterator[int]:
        for i in range(1000):
            pulled.append(i)
            yield i

    def work(item: int) -> int:
        if item == 20:
            token.stop("enough")
            pulled_by_then.append(len(pulled))
        return item

    pulled_by_then: list[int] = []
    result = lw.parallel_map(work, numbers(), stop=token, window=4, **options)
    assert result.status is lw.RunStatus.CANCELLED
    assert 20 in result.ok_values()
    assert len(pulled) <= pulled_by_then[0] + 1  # which was being asked for
    again = lw.parallel_map(work, numbers(), stop=token, **options)
    assert (again.status, len(again), len(pulled)) == (lw.RunStatus.CANCELLED, 0, len(pulled))


def test_a_source_may_stop_its_own_run() -> None:
    """It is not asked for another item after that."""
    token = lw.StopToken()

    def numbers() -> Iterator[int]:
        yield 1
        token.stop()
        yield 2
        pytest.fail("asked for another")

    assert lw.parallel_map(neg, numbers(), stop=token).status is lw.RunStatus.CANCELLED


def test_a_run_goes_on_where_no_thread_can_keep_the_time(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The caller does when he comes back from the source; the log says so, once."""

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def slowly() -> Iterator[int]:
        for item in range(5):
            time.sleep(0.01)
            yield item

    monkeypatch.setattr("lightwork.engine.keeper.launch", fail)
    result = lw.parallel_map(neg, slowly(), workers=2, task_timeout=SECONDS, retry=lw.Retry(2))
    assert result.values() == [0, -1, -2, -3, -4]
    assert [record.message.count("can't start") for record in caplog.records if "keeps the time" in record.message] == [1]


# --- Sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"executor": "serial"}, {"window": 2}], ids=str)
def test_a_source_that_fails_is_raised_with_what_came_before(options: dict[str, Any]) -> None:
    """All items before it have their results."""
    with pytest.raises(OSError, match="gone") as caught:
        lw.parallel_map(neg, source(30, OSError("gone")), **options)
    partial = caught.value.partial_result  # type: ignore[attr-defined]
    assert partial.ok_values() == [-i for i in range(30)]
    assert partial.status is lw.RunStatus.ABORTED


def test_a_source_is_read_no_further_than_the_window() -> None:
    """What is unfinished is never more."""
    state = {"pulled": 0, "ended": 0, "most": 0}

    def numbers() -> Iterator[int]:
        for i in range(200):
            state["pulled"] += 1
            state["most"] = max(state["most"], state["pulled"] - state["ended"])
            yield i

    def work(item: int) -> int:
        state["ended"] += 1
        return item

    assert lw.parallel_map(work, numbers(), window=6, workers=3).ok
    assert state["most"] <= 7  # the ended are counted before the run knows of it, but by one in the source's hands


def test_an_item_that_reenters_its_source_fails() -> None:
    """Python says so, and it is that item's or the source's error."""
    generator: Iterator[int]

    def numbers() -> Iterator[int]:
        yield 1
        yield next(generator)

    generator = numbers()
    with pytest.raises(ValueError, match="already executing") as caught:
        lw.parallel_map(neg, generator)
    assert caught.value.partial_result.ok_values() == [-1]  # type: ignore[attr-defined]


def test_hooks_are_told_what_an_item_is_called() -> None:
    """Its index, and its key if it has one."""
    told: list[Any] = []
    retry = lw.Retry(2, backoff=0.0, on_retry=lambda info: told.append((info.index, info.key)))
    lw.parallel_map(half, [1, 2, 3], retry=retry, item_key=str)
    assert sorted(told) == [(0, "1"), (2, "3")]
    told.clear()
    lw.parallel_map(half, [1, 2], retry=retry)
    assert told == [(0, None)]


@pytest.mark.parametrize("cost", [(1, 40), lambda item: (1, 40 * item)], ids=["all alike", "by item"])
def test_limits_that_are_combined_have_a_cost_each(cost: Any) -> None:
    """Requests and what they ask for are counted apart."""
    requests, tokens = lw.Limiter(lw.RateLimit(1, burst=10)), lw.Limiter(lw.RateLimit(10, burst=40))
    with MockClock(autojump=True) as clock:
        assert lw.parallel_map(neg, [1, 1, 1], rate_limit=lw.Limiter.all(requests, tokens), cost=cost, executor="serial").ok
        assert clock.now() == pytest.approx(8.0)
    with pytest.raises(ValueError, match="burst, 40"):
        lw.parallel_map(neg, [1], rate_limit=lw.Limiter.all(requests, tokens), cost=(1, 41))
    with pytest.raises(ValueError, match="one for each of 2 limits"):
        lw.parallel_map(neg, [1], rate_limit=lw.Limiter.all(requests, tokens), cost=(1, 2, 3))


@pytest.mark.parametrize("position", [0, 500, 999])
@pytest.mark.parametrize("options", [{}, {"chunk_size": 1000}, {"workers": 1}], ids=str)
def test_a_failure_is_one_wherever_it_is(options: dict[str, Any], position: int) -> None:
    """At the beginning, in the middle or at the end of a thousand: the others have their values."""

    def work(item: int) -> int:
        if item == position:
            raise ValueError(item)
        return item

    result = lw.parallel_map(work, range(1000), **options)
    assert result.ok_values() == [item for item in range(1000) if item != position]
    assert [index for index, _ in result.failures()] == [position]
    with pytest.raises(ValueError, match=str(position)):
        ANY_MAP(work, range(1000), errors="raise", **options)


def test_who_is_asked_to_wait_lets_nobody_ask() -> None:
    """A server's Retry-After holds for all items that share the limiter; then they come one by one."""

    class BusyError(Exception):
        status = 429
        headers = MappingProxyType({"Retry-After": "5"})

    starts: list[float] = []

    def ask(item: int) -> int:
        starts.append(clock.now())
        if len(starts) == 4:
            raise BusyError
        return item

    with MockClock(autojump=True) as clock:
        retry = lw.Retry.for_http(3, backoff=1.0, seed=1)
        assert lw.parallel_map(ask, range(12), rate_limit=10, retry=retry, executor="serial").ok
    assert len(starts) == 13
    refused = starts[3]
    assert [start for start in starts if refused < start < refused + 5.0] == []
    assert starts[-1] - starts[4] > 0.5


# --- Listeners --------------------------------------------------------------------------------------------------------


def test_progress_is_monotone_and_ends_at_the_total() -> None:
    """It is told in the calling thread."""
    seen: list[tuple[int, int]] = []
    threads: set[int] = set()

    def hear(done: int, total: int) -> None:
        seen.append((done, total))
        threads.add(threading.get_ident())

    lw.parallel_map(lambda _: time.sleep(0.002), range(100), workers=2, on_progress=hear)
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)
    assert threads == {threading.get_ident()}
    assert len(seen) < 10


@pytest.mark.parametrize("options", [{"chunk_size": 10}, {"workers": 1}, {"retry": lw.Retry(2, backoff=0.0)}], ids=str)
def test_progress_counts_items(options: dict[str, Any]) -> None:
    """Not chunks, attempts or successes."""
    seen: list[tuple[int, int]] = []
    lw.parallel_map(half, range(101), on_progress=lambda *told: seen.append(told), **options)
    assert seen == sorted(seen)
    assert seen[-1] == (101, 101)


def test_results_are_told_as_they_come() -> None:
    """Each once, in the calling thread, failures too."""
    heard: list[Any] = []
    lw.parallel_map(half, range(20), on_result=heard.append, item_key=str, workers=3)
    assert sorted((item.index, item.key, item.ok) for item in heard) == [(i, str(i), i % 2 == 0) for i in range(20)]
    assert all(item.duration >= 0 and item.queued >= 0 for item in heard)


@pytest.mark.parametrize("name", ["on_progress", "on_result"])
def test_a_listener_that_fails_stops_the_run(name: str) -> None:
    """Its error is raised, and carries what was finished."""

    def fail(*_: object) -> None:
        raise RuntimeError("listener")

    with pytest.raises(RuntimeError, match="listener") as caught:
        ANY_MAP(neg, iter(range(10_000)), window=4, **{name: fail})
    assert 0 < len(caught.value.partial_result.ok_values()) < 10_000  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["on_progress", "on_result"])
@pytest.mark.parametrize("n_heard", [0, 1, 9])
def test_what_a_failing_listener_was_told_of_is_not_lost(name: str, n_heard: int) -> None:
    """The item that it heard of last is in what its error carries, too; and no place without a value is taken for one."""
    heard = list[Any]()

    def listen(*told: Any) -> None:
        heard.append(told)
        if len(heard) > n_heard or (name == "on_progress" and told == (10, 10)):
            raise RuntimeError("listener")

    with pytest.raises(RuntimeError, match="listener") as caught:
        ANY_MAP(neg, iter(range(10)), executor="serial", chunk_size=1, **{name: listen})
    partial = caught.value.partial_result  # type: ignore[attr-defined]
    n_told = heard[-1][0] if name == "on_progress" else len(heard)
    assert partial.successes()[:n_told] == [(i, -i) for i in range(n_told)]
    assert partial.ok is (len(partial.ok_values()) == 10)


def test_items_report_on_themselves() -> None:
    """With their index, from their own thread."""
    heard: list[tuple[int, float, float | None]] = []
    lw.parallel_map(lambda item: lw.report_progress(item, 10), range(5), on_report=lambda *report: heard.append(report), workers=2)
    assert sorted(heard) == [(i, i, 10) for i in range(5)]


# --- What items see ---------------------------------------------------------------------------------------------------

NAME = contextvars.ContextVar("NAME", default="nobody")


@pytest.mark.parametrize("options", [{}, {"window": 4, "workers": 2}, {"executor": "serial", "retry": lw.Retry()}], ids=str)
def test_items_see_the_caller_s_context_and_change_only_theirs(options: dict[str, Any]) -> None:
    """Context variables are visible, and what an item sets stays with the workers."""

    def work(item: int) -> str:
        name = NAME.get()
        NAME.set("worker")
        return name

    token = NAME.set("caller")
    try:
        names = set(lw.parallel_map(work, range(20), **options))
        assert NAME.get() == "caller"
    finally:
        NAME.reset(token)
    assert "caller" in names
    assert "nobody" not in names


def draw(item: int, rng: np.random.SeedSequence) -> int:
    """Return a number that depends on the item's seed."""
    if item == 3 and not FAILED:
        FAILED.append(item)
        raise ConnectionError
    return int(np.random.default_rng(rng).integers(1 << 40))


FAILED: list[int] = []


def test_seeds_depend_on_the_index_alone() -> None:
    """Not on workers, chunks or attempts; and are what NumPy spawns."""
    FAILED[:] = [3]
    expected = [int(np.random.default_rng(child).integers(1 << 40)) for child in np.random.SeedSequence(7).spawn(20)]
    options: list[dict[str, Any]] = [{}, {"workers": 1}, {"workers": 3, "chunk_size": 4}, {"window": 2}, {"retry": lw.Retry(2, backoff=0.0)}]
    for more in options:
        if "retry" in more:
            FAILED.clear()
        assert list(lw.parallel_map(draw, range(20), rng=7, **more)) == expected
    assert len(set(expected)) == 20


# --- Calls in calls ---------------------------------------------------------------------------------------------------


def nested(depth: int, options: dict[str, Any]) -> int:
    """Count the leaves of a tree of calls, two below each."""
    return 1 if depth == 0 else sum(lw.parallel_map(lambda _: nested(depth - 1, options), range(4), workers=2, **options))


@pytest.mark.parametrize("inner", [{}, {"window": 3}, {"retry": lw.Retry(2)}], ids=str)
def test_calls_in_calls_end_and_share_the_threads(inner: dict[str, Any]) -> None:
    """Depth three on two workers."""
    assert nested(1, inner) == 4
    before = threading.active_count()
    assert nested(3, inner) == 64
    assert threading.active_count() <= before + 4


@pytest.mark.parametrize("make", [lambda: lw.Pool(2), lambda: ThreadPoolExecutor(2)], ids=["Pool", "ThreadPoolExecutor"])
def test_calls_in_calls_on_one_executor_end(make: Callable[[], Executor]) -> None:
    """Its two threads wait for each other's items, and run them."""
    with make() as executor:
        assert nested(3, {"executor": executor}) == 64


# --- Wrong input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"workers": 0}, ValueError),
        ({"workers": -1}, ValueError),
        ({"workers": 1.5}, TypeError),
        ({"workers": True}, TypeError),
        ({"chunk_size": 0}, ValueError),
        ({"window": 0}, ValueError),
        ({"window": 3, "batch_size": 3}, TypeError),
        ({"max_in_flight": 0}, ValueError),
        ({"max_errors": 0}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": "1"}, TypeError),
        ({"timeout": timedelta(seconds=-1)}, ValueError),
        ({"task_timeout": float("inf")}, ValueError),
        ({"task_timeout": 0}, ValueError),
        ({"executor": "process?"}, ValueError),
        ({"errors": "ignore"}, ValueError),
        ({"errors": "raise", "return_exceptions": True}, TypeError),
        ({"retry": 3}, TypeError),
        ({"rate_limit": 0}, ValueError),
        ({"rate_limit": float("nan")}, ValueError),
        ({"cost": -1}, ValueError),
        ({"cost": (1, -1)}, ValueError),
        ({"cost": "1"}, TypeError),
        ({"progress": print}, TypeError),
        ({"ordered": "no"}, TypeError),
        ({"return_exceptions": 1}, TypeError),
        ({"stop": True}, TypeError),
        ({"on_progress": 1}, TypeError),
        ({"on_result": 1}, TypeError),
        ({"item_key": 1}, TypeError),
        ({"rng": -1}, ValueError),
        ({"rng": True}, TypeError),
        ({"rng": "1"}, TypeError),
        ({"no_such_option": 1}, TypeError),
    ],
    ids=str,
)
def test_wrong_options_are_refused_before_any_item(options: dict[str, Any], error: type[Exception]) -> None:
    """The error names the option, and neither function nor source is touched."""
    touched: list[int] = []
    [name] = list(options)[:1]
    doors: list[Any] = [lw.parallel_map, lw.parallel_starmap, lw.parallel_iter, lw.async_parallel_iter]
    for call in doors:
        is_foreign = call is lw.async_parallel_iter and name in ("executor", "chunk_size")
        with pytest.raises(TypeError if is_foreign else error, match=name):
            call(neg, map(touched.append, range(3)), **options)
        assert touched == []


def test_none_is_what_holds_where_nothing_is_said() -> None:
    """Of every option, whatever it is and whatever the decorator or the configuration say."""
    names = [field.name for field in fields(Options)]
    assert ANY_MAP(neg, [1, 2], **dict.fromkeys(names)).values() == [-1, -2]
    decorated: Any = lw.parallel(progress=True, errors="return", executor="serial", cost=2, rate_limit=lw.RateLimit(1e6, burst=2))(neg)
    assert isinstance(decorated.map([1], progress=None, errors=None, cost=None, executor=None), lw.ParallelResult)
    assert [result.index for result in ANY_MAP_ITER(time.sleep, [0.2, 0.0], ordered=None, workers=2)] == [1, 0]


def test_what_is_no_function_or_no_items_is_refused() -> None:
    """Also if they are in the wrong order."""
    with pytest.raises(TypeError, match="function"):
        ANY_MAP([1], neg)
    with pytest.raises(TypeError, match="iterable"):
        ANY_MAP(neg, 5)
    with pytest.raises(TypeError, match="iterable"):
        lw.parallel_iter(neg, 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="async iterables are for the async functions"):
        ANY_MAP(neg, Endless())


class Endless:
    """Can be iterated in an event loop only."""

    def __aiter__(self) -> None:
        """Never be asked for it."""


class Backwards(list[int]):
    """A list that is iterated from its end."""

    def __iter__(self) -> Iterator[int]:
        """Yield the last first."""
        return reversed(self)


class Boasting(list[int]):
    """A list that says it is longer than it is."""

    def __len__(self) -> int:
        """Exaggerate."""
        return 10


class OfOld:
    """Items by index alone."""

    def __getitem__(self, index: int) -> int:
        """Return one of three."""
        return (0, 1, 2)[index]


@pytest.mark.parametrize("options", [{}, {"timeout": SECONDS}, {"executor": "serial"}], ids=str)
@pytest.mark.parametrize(
    "items",
    ["abc", b"abc", {1: 2, 3: 4}, {1: 2, 3: 4}.items(), {5}, np.arange(3), Backwards([1, 2, 3]), Boasting([1, 2]), OfOld(), range(3, 0, -1)],
    ids=lambda items: type(items).__name__,
)
def test_items_are_what_iterating_yields(items: Any, options: dict[str, Any]) -> None:
    """Whatever kind of iterable it is, and whatever it says of its length."""
    assert list(lw.parallel_map(lambda item: [item], items, **options)) == [[item] for item in items]


def test_rows_of_an_array_are_items() -> None:
    """Neither they nor what is returned is compared or taken for true."""
    rows = lw.parallel_map(lambda row: 2 * row, np.eye(3), timeout=SECONDS)
    np.testing.assert_array_equal(list(rows), 2 * np.eye(3))
    np.testing.assert_array_equal(lw.parallel_map(lambda row: 2 * row, list(np.eye(3)))[1], [0, 2, 0])


@pytest.mark.parametrize("options", [{}, {"timeout": SECONDS, "errors": "raise"}], ids=str)
def test_a_list_may_change_under_way(options: dict[str, Any]) -> None:
    """An item that is gone when its turn comes is an IndexError of its own; with policies items are those of the beginning."""
    items = list(range(100))

    def shorten(item: int) -> int:
        del items[50:]
        return item

    result = lw.parallel_map(shorten, items, workers=1, **options)
    assert len(result) == 100
    assert [index for index, _ in result.successes()][:50] == list(range(50))
    assert all(isinstance(error, IndexError) for _, error in result.failures())


def test_a_range_may_be_longer_than_memory() -> None:
    """It is a source like any other that has no end."""
    assert next(lw.parallel_iter(neg, range(10**20), ordered=True)).value == 0
    result = lw.parallel_map(neg, range(10**20), timeout=0.05)
    assert result.status is lw.RunStatus.TIMED_OUT


def test_numbers_may_be_as_large_as_they_like() -> None:
    """More workers than there can be, and more room than is needed, are no error."""
    for name in ("workers", "chunk_size", "window", "max_in_flight", "max_errors"):
        assert list(ANY_MAP(neg, [1, 2], **{name: 10**30})) == [-1, -2]


def test_seconds_may_be_a_timedelta() -> None:
    """As well as a number."""
    assert lw.parallel_map(neg, [1], timeout=timedelta(minutes=1), task_timeout=timedelta(minutes=1)).ok
    assert lw.parallel_map(time.sleep, [0.2], timeout=timedelta(milliseconds=1)).status is lw.RunStatus.TIMED_OUT


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lw.parallel_map, "parallel_map"),
        (lw.parallel_starmap, "parallel_starmap"),
        (lw.parallel_iter, "parallel_iter"),
        (lambda _, items, **options: lw.run_tasks(items, **options), "run_tasks"),
        (lambda _, items, **options: lw.iter_tasks(items, **options), "iter_tasks"),
        (lambda fn, items, **options: lw.map_stages(items, fn, **options), "map_stages"),
        (lambda _, __, **options: lw.parallel(**options), "parallel"),
        (lw.async_parallel_iter, "async_parallel_iter"),
        (lambda *args, **options: asyncio.run(lw.async_parallel_map(*args, **options)), "async_parallel_map"),
    ],
)
def test_an_unknown_option_is_told_by_who_has_not_got_it(call: Any, name: str) -> None:
    """The error names the function that was called, the option that may have been meant, and all there are."""
    for wrong, meant in (("worker", "workers"), ("n_jobs", "workers"), ("rate_limits", "rate_limit"), ("window_size", "window"), ("seed", "rng")):
        with pytest.raises(TypeError, match=rf"^{name}\(\) has no option '{wrong}'; did you mean '{meant}'\? It has .*retry, ") as caught:
            call(neg, [1], **{wrong: 2})
        assert ("chunk_size" in str(caught.value)) is not name.startswith("async")
    with pytest.raises(TypeError, match=rf"^{name}\(\) has no option 'xyzzy'; it has workers, "):
        call(neg, [1], xyzzy=1)


def test_what_iter_raises_is_raised() -> None:
    """A TypeError of the source's own is not taken for that of something that is no source."""

    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise TypeError("not today")

    with pytest.raises(TypeError, match="not today"):
        lw.parallel_map(neg, Broken())


async def wait(item: int) -> int:
    """Be awaited."""
    return item


class Waiter:
    """An object that is called, and awaited."""

    async def __call__(self, item: int) -> int:
        """Be awaited."""
        return item


@pytest.mark.parametrize("fn", [wait, Waiter(), partial(wait)], ids=["function", "object", "partial"])
@pytest.mark.parametrize(
    "call",
    [lw.parallel_map, lw.parallel_starmap, lw.parallel_iter, lambda fn, items: lw.map_stages(items, neg, fn), lambda fn, _: lw.parallel(fn)],
    ids=["map", "starmap", "iter", "stages", "decorator"],
)
def test_async_functions_are_sent_to_the_other_door(call: Any, fn: Any) -> None:
    """Nobody would await what they return."""
    with pytest.raises(TypeError, match="async_parallel_map"):
        call(fn, [1])


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_no_items_are_no_problem(options: dict[str, Any]) -> None:
    """There is nothing in the result, and it is ok."""
    for make in (list, lambda: iter(())):
        result = lw.parallel_map(neg, make(), **options)
        assert (list(result), result.ok) == ([], True)


# --- For tests --------------------------------------------------------------------------------------------------------


def test_serial_runs_in_the_calling_thread() -> None:
    """Whatever workers are asked for."""
    with serial():
        names = set(lw.parallel_map(lambda _: threading.get_ident(), range(10), workers=4))
    assert names == {threading.get_ident()}


def test_deterministic_order_is_repeatable_and_not_the_input_s() -> None:
    """The same seed gives the same order, another gives another."""

    def order(seed: int, items: Iterable[int]) -> list[int]:
        begun: list[int] = []
        with deterministic(seed):
            assert lw.parallel_map(begun.append, items, workers=4).ok
        return begun

    for make in (list[int], iter):
        assert order(1, make(range(30))) == order(1, make(range(30)))
        assert sorted(order(1, make(range(30)))) == list(range(30))
        assert len({tuple(order(seed, make(range(30)))) for seed in range(5)}) > 1


def test_back_off_can_be_left_out() -> None:
    """Attempts are made as ever."""
    with no_backoff():
        result = lw.parallel_map(half, [1], retry=lw.Retry(4, backoff=50.0))
    assert result.item_results()[0].attempts == 4
