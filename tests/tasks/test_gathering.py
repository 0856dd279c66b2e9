"""gather(), as_completed() and wait(): in any thread, of any futures."""

import concurrent.futures
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, CancelledError, Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from threads import together

import lightwork as lw
from lightwork.testing import MockClock

SECONDS = 30


@pytest.fixture
def single() -> Iterator[lw.Pool]:
    """A pool of one worker."""
    with lw.Pool(1) as pool:
        yield pool


def done(value: Any) -> Future[Any]:
    """Return a future that has a value, or an exception."""
    future: Future[Any] = Future()
    if isinstance(value, BaseException):
        future.set_exception(value)
    else:
        future.set_result(value)
    return future


def cancelled() -> Future[Any]:
    """Return a future that was cancelled and whose executor has not said so, as after shutdown(cancel_futures=True)."""
    future: Future[Any] = Future()
    future.cancel()
    return future


def fail(message: str) -> None:
    """Fail."""
    raise OSError(message)


# --- gather ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers()))
def test_results_come_in_the_order_of_the_handles(values: list[int]) -> None:
    """Whatever order they end in, and one that is there twice counts twice."""
    handles = [lw.submit(abs, value) for value in values]
    assert lw.gather(handles + handles[::-1]) == [abs(value) for value in values + values[::-1]]


def test_anybody_s_futures_will_do() -> None:
    """Handles, the standard library's and bare futures, mixed."""
    with ThreadPoolExecutor(1) as executor, lw.Pool(1) as pool:
        assert lw.gather([executor.submit(int, "1"), pool.submit(int, "2"), lw.submit(int, "3"), done(4)]) == [1, 2, 3, 4]
    assert lw.gather(iter([])) == []


def test_the_first_failure_is_raised_at_once() -> None:
    """Those that have not ended are not waited for, nor cancelled, nor lost."""
    gate = threading.Event()
    slow = lw.submit(gate.wait, SECONDS)
    handles: list[Future[Any]] = [slow, lw.submit(fail, "first")]
    with pytest.raises(OSError, match="first"):
        lw.gather(handles)
    assert not slow.done()
    gate.set()
    assert slow.result(SECONDS) is True


def test_of_several_failures_the_first_in_the_list_is_raised() -> None:
    """Which one it is does not depend on threads once all have ended."""
    with pytest.raises(OSError, match="^a$"):
        lw.gather([done(1), done(OSError("a")), done(OSError("b"))])


def test_failures_stand_in_the_places_of_values_where_that_is_wanted() -> None:
    """Each exception is the very one, and a cancelled handle counts as one."""
    error = OSError("x")
    values = lw.gather([done(1), done(error), cancelled(), done(2)], return_exceptions=True)
    assert values[:2] == [1, error]
    assert isinstance(values[2], CancelledError)
    assert values[3] == 2


def test_a_cancelled_handle_is_a_failure() -> None:
    """Nobody waits for what will not come, though its executor has not said so."""
    with pytest.raises(CancelledError):
        lw.gather([Future(), cancelled()])


# --- as_completed ---------------------------------------------------------------------------------------------------


def test_handles_are_yielded_as_they_end() -> None:
    """What ended before comes first, in the order given; then each in its turn; one that is there twice comes once."""
    futures: list[Future[int]] = [Future() for _ in range(3)]
    first, second = done(1), done(2)
    completed = lw.as_completed([*futures, second, first, second])
    assert [next(completed), next(completed)] == [second, first]
    for future in reversed(futures):
        future.set_result(0)
        assert next(completed) is future
    assert list(completed) == []


def test_a_late_one_is_an_error_that_says_how_many() -> None:
    """The timeout is for all of them, by the clock in force, and takes nothing from those that are done."""
    ready: Future[Any] = done(1)
    with MockClock(autojump=True) as clock:
        completed = lw.as_completed([Future(), ready, Future()], timeout=5)
        assert next(completed) is ready
        with pytest.raises(TimeoutError, match=re.escape("2 of 3 calls have not ended within 5.0 seconds; they go on")):
            next(completed)
        assert clock.now() == 5


def test_who_waits_again_and_again_leaves_nothing_behind() -> None:
    """A future that stays pending does not collect the callbacks of those who gave up."""
    future: Future[Any] = Future()
    for _ in range(10):
        lw.wait([future], timeout=0)
        with pytest.raises(TimeoutError):
            list(lw.as_completed([future], timeout=0))
    assert vars(future)["_done_callbacks"] == []


# --- wait -----------------------------------------------------------------------------------------------------------


def test_both_sets_are_told() -> None:
    """Like the standard library's, it can be unpacked, and timeouts are no errors."""
    pending: Future[Any] = Future()
    ready = [done(1), done(OSError()), cancelled()]
    waited = lw.wait([*ready, pending], timeout=-1)
    assert waited == (set(ready), {pending})
    assert waited.not_done == {pending}


@pytest.mark.parametrize("return_when", [ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION])
@pytest.mark.parametrize("values", [(), (1,), (1, OSError()), (OSError(), 1)])
def test_what_is_enough_is_what_the_standard_library_takes_for_it(return_when: Any, values: tuple[Any, ...]) -> None:
    """Among futures that have ended and one that never will, both return, or both do not."""
    futures = [done(value) for value in values] + [Future()]
    theirs = concurrent.futures.wait(futures, 0, return_when)
    with MockClock(autojump=True) as clock:
        assert tuple(lw.wait(futures, 1, return_when)) == tuple(theirs)
        is_enough = {ALL_COMPLETED: False, FIRST_COMPLETED: bool(values), FIRST_EXCEPTION: any(isinstance(value, OSError) for value in values)}
        assert clock.now() == (0 if is_enough[return_when] else 1)


def test_a_cancelled_future_is_enough_to_wake_up() -> None:
    """Cancelling while somebody waits ends the wait, on pools of others, too."""
    future: Future[Any] = Future()
    begun = threading.Event()

    def wait() -> lw.Waited:
        begun.set()
        return lw.wait([future], SECONDS)

    def cancel() -> bool:
        begun.wait(SECONDS)
        return future.cancel()

    waited, was_cancelled = together([wait, cancel])
    assert was_cancelled
    assert isinstance(waited, lw.Waited)
    assert waited.done == {future}


# --- In a worker ----------------------------------------------------------------------------------------------------


def gathered(handles: list[Future[int]]) -> list[int]:
    """Wait by gather()."""
    return lw.gather(handles)


def completed(handles: list[Future[int]]) -> list[int]:
    """Wait by as_completed()."""
    return sorted(handle.result() for handle in lw.as_completed(handles))


def waited(handles: list[Future[int]]) -> list[int]:
    """Wait by wait()."""
    done, not_done = lw.wait(handles)
    assert not not_done
    return sorted(handle.result() for handle in done)


@pytest.mark.parametrize("way", [gathered, completed, waited])
def test_the_only_worker_runs_what_it_waits_for(single: lw.Pool, way: Callable[[list[Future[int]]], list[int]]) -> None:
    """Nobody else could; and calls within calls do likewise."""

    def nested(depth: int) -> list[int]:
        if depth:
            assert single.submit(nested, depth - 1).result() == [0, 1, 2]
        return way([single.submit(int, n) for n in range(3)])

    assert single.submit(nested, 5).result(SECONDS) == [0, 1, 2]


def test_the_only_worker_stops_at_what_is_enough(single: lw.Pool) -> None:
    """It runs no more than it was asked to wait for."""
    ran: list[int] = []

    def first_of_three() -> tuple[int, int]:
        handles = [single.submit(ran.append, n) for n in range(3)]
        waited = lw.wait(handles, return_when=FIRST_COMPLETED)
        n_ran = len(ran)
        for handle in waited.not_done:
            handle.cancel()
        return n_ran, len(waited.done)

    assert single.submit(first_of_three).result(SECONDS) == (1, 1)


def test_the_only_worker_takes_its_time_between_calls(single: lw.Pool) -> None:
    """A timeout is looked at after each call that it runs itself."""

    def wait(clock: MockClock) -> int:
        handles = [single.submit(clock.advance, 2) for _ in range(5)]
        n_done = len(lw.wait(handles, timeout=3).done)
        for handle in handles:
            handle.cancel()
        return n_done

    with MockClock() as clock:
        assert single.submit(wait, clock).result(SECONDS) == 2


def test_the_only_worker_waits_for_others_elsewhere(single: lw.Pool) -> None:
    """Calls of another pool and bare futures are waited for, after its own are done."""
    future: Future[int] = Future()
    with lw.Pool(1) as other:

        def wait() -> list[int]:
            own = single.submit(int, 1)
            own.add_done_callback(lambda _: other.submit(future.set_result, 3))
            return lw.gather([future, own, other.submit(int, 2)])

        assert single.submit(wait).result(SECONDS) == [3, 1, 2]


def test_a_failure_stops_the_only_worker(single: lw.Pool) -> None:
    """What comes after it is not run for the sake of gather(), and not lost."""
    ran = threading.Event()

    def wait() -> tuple[bool, Future[None]]:
        handles = [single.submit(fail, "first"), single.submit(ran.set)]
        with pytest.raises(OSError, match="first"):
            lw.gather(handles)
        return ran.is_set(), handles[1]

    was_run, other = single.submit(wait).result(SECONDS)
    assert not was_run
    assert other.result(SECONDS) is None
    assert ran.is_set()


@pytest.mark.usefixtures("eager_switching")
def test_many_threads_may_wait_for_the_same_calls() -> None:
    """Each sees all of them, once."""
    with lw.Pool(2) as pool:
        for _ in range(20):
            handles = [pool.submit(int, n) for n in range(20)]
            ways = [gathered, completed, waited]
            assert together([lambda way=way, handles=handles: way(handles) for way in ways]) == [list(range(20))] * 3  # type: ignore[misc]


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", [lw.gather, lw.as_completed, lw.wait])
def test_what_is_no_future_is_refused_at_once(door: Callable[[Any], object]) -> None:
    """The error says what would do."""
    with pytest.raises(TypeError, match="must be futures such as submit.. returns, not 3; submit a function"):
        door([done(1), 3])


def test_times_and_conditions_are_checked_at_once() -> None:
    """Before anything is waited for."""
    with pytest.raises(ValueError, match="return_when must be one of 'ALL_COMPLETED', 'FIRST_COMPLETED', 'FIRST_EXCEPTION', not 'ALL'"):
        lw.wait([Future()], return_when="ALL")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="timeout must be a number, not '1'"):
        lw.as_completed([Future()], timeout="1")  # type: ignore[arg-type]


@pytest.mark.parametrize("wait_for", [lw.gather, lw.wait, lw.as_completed])
def test_a_handle_alone_is_refused(wait_for: Callable[[Any], Any]) -> None:
    """The error says to put it into a list, also where several are given as to asyncio's gather."""
    with pytest.raises(TypeError, match=re.escape("gather([first, second])")):
        wait_for(done(1))


@pytest.mark.parametrize("given", [3, None, "x", "handles", print], ids=repr)
@pytest.mark.parametrize("wait_for", [lw.gather, lw.wait, lw.as_completed])
def test_what_holds_no_handles_is_refused(wait_for: Callable[[Any], Any], given: Any) -> None:
    """The error says what would do, and not what Python made of it."""
    with pytest.raises(TypeError, match=f"handles must be in a list .* not {re.escape(repr(given))}: {re.escape('gather([first, second])')}"):
        wait_for(given)
