"""What holds for every ``concurrent.futures.Executor`` of threads: one suite, mixed into a class for each."""

import sysconfig
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Executor,
    Future,
    InvalidStateError,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.thread import BrokenThreadPool
from typing import Any

import garbage
import pytest

SECONDS = 30


class Thing:
    """Something that can be referred to weakly."""


class Gate:
    """Holds a worker until it is opened."""

    def __init__(self, executor: Executor) -> None:
        self._started, self._open = threading.Event(), threading.Event()
        self.future = executor.submit(self._hold)
        assert self._started.wait(SECONDS)

    def _hold(self) -> str:
        self._started.set()
        assert self._open.wait(SECONDS)
        return "held"

    def open(self) -> None:
        """Let the worker go on."""
        self._open.set()


def fail(error: BaseException) -> None:
    """Raise an error."""
    raise error


def fail_silently() -> None:
    """Raise an error that nobody prints."""
    raise ValueError("unfit")


class Contract:
    """The suite."""

    make: Callable[..., ThreadPoolExecutor]

    @pytest.fixture
    def executor(self) -> Iterator[ThreadPoolExecutor]:
        """One with two workers."""
        with self.make(2) as executor:
            yield executor

    @pytest.fixture
    def single(self) -> Iterator[ThreadPoolExecutor]:
        """One with one worker."""
        with self.make(1) as executor:
            yield executor

    def test_it_is_a_thread_pool_executor(self, executor: ThreadPoolExecutor) -> None:
        """And its futures are the standard library's, which asyncio insists on."""
        assert isinstance(executor, ThreadPoolExecutor)
        assert isinstance(executor.submit(int), Future)

    def test_the_arguments_stand_in_the_same_order(self) -> None:
        """Workers, prefix, initializer and its arguments can be given by position."""
        seen: list[int] = []
        with self.make(1, "named", seen.append, (7,)) as executor:
            assert executor.submit(lambda: threading.current_thread().name).result(SECONDS) == "named_0"
        assert seen == [7]
        assert executor._max_workers == 1

    @pytest.mark.parametrize("max_workers", [0, -1])
    def test_it_needs_a_worker(self, max_workers: int) -> None:
        """None or negative many are refused."""
        with pytest.raises(ValueError, match="greater than 0"):
            self.make(max_workers)

    def test_an_initializer_is_a_function(self) -> None:
        """Anything else is refused at once."""
        with pytest.raises(TypeError, match="initializer must be a callable"):
            self.make(1, "", 7)

    def test_submit_calls(self, executor: ThreadPoolExecutor) -> None:
        """With arguments of all kinds, those called like its own parameters included."""
        assert executor.submit(divmod, 7, 2).result(SECONDS) == (3, 1)
        assert executor.submit(dict, self=1, fn=2, executor=3).result(SECONDS) == {"self": 1, "fn": 2, "executor": 3}
        with pytest.raises(TypeError):
            executor.submit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

    @pytest.mark.parametrize("error", [ValueError("v"), SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()], ids=repr)
    def test_any_exception_is_an_outcome(self, single: ThreadPoolExecutor, error: BaseException) -> None:
        """It is kept as itself, and the worker goes on."""
        assert single.submit(fail, error).exception(SECONDS) is error
        with pytest.raises(type(error)):
            single.submit(fail, error).result(SECONDS)
        assert single.submit(int).result(SECONDS) == 0

    def test_a_future_says_where_it_is(self, single: ThreadPoolExecutor) -> None:
        """Pending, running, done."""
        gate = Gate(single)
        behind = single.submit(int)
        assert (gate.future.running(), gate.future.done()) == (True, False)
        assert (behind.running(), behind.done(), behind.cancelled()) == (False, False, False)
        assert "pending" in repr(behind)
        gate.open()
        assert behind.result(SECONDS) == 0
        assert (behind.running(), behind.done(), behind.cancelled()) == (False, True, False)
        assert "finished returned int" in repr(behind)

    def test_a_result_that_takes_too_long(self, single: ThreadPoolExecutor) -> None:
        """Whoever asks is told so, and may ask again."""
        gate = Gate(single)
        for timeout in (0, 0.01, -1):
            with pytest.raises(TimeoutError):
                gate.future.result(timeout)
            with pytest.raises(TimeoutError):
                gate.future.exception(timeout)
        gate.open()
        assert gate.future.result(SECONDS) == "held"

    def test_cancelling(self, single: ThreadPoolExecutor) -> None:
        """What nobody has begun is never made; what runs or has ended is not cancelled."""
        gate, made = Gate(single), list[int]()
        behind = single.submit(made.append, 1)
        assert behind.cancel()
        assert behind.cancel()
        assert behind.cancelled()
        assert behind.done()
        assert not gate.future.cancel()
        with pytest.raises(CancelledError):
            behind.result(0)
        with pytest.raises(CancelledError):
            behind.exception(0)
        gate.open()
        single.submit(int).result(SECONDS)
        assert made == []
        assert not gate.future.cancel()

    def test_callbacks_are_called_in_their_order(self, single: ThreadPoolExecutor) -> None:
        """With the future, when it is done or, if it is, at once; an error of one keeps no other from being called."""
        gate, told = Gate(single), list[Any]()
        future = single.submit(int)
        future.add_done_callback(lambda done: told.append((1, done)))
        future.add_done_callback(lambda done: told.append((2, done)))
        gate.open()
        assert future.result(SECONDS) == 0
        single.submit(int).result(SECONDS)
        future.add_done_callback(lambda done: told.append((3, done)))
        assert told == [(1, future), (2, future), (3, future)]

    def test_an_error_in_a_callback(self, single: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture) -> None:
        """Is logged, and those after it are called."""
        gate, told = Gate(single), list[Any]()
        future = single.submit(int)
        future.add_done_callback(lambda _: fail(ValueError("callback")))
        future.add_done_callback(told.append)
        gate.open()
        single.submit(int).result(SECONDS)
        assert told == [future]
        assert "exception calling callback" in caplog.text

    def test_cancelling_calls_callbacks(self, single: ThreadPoolExecutor) -> None:
        """In the thread that cancels."""
        gate, told = Gate(single), list[Any]()
        future = single.submit(int)
        future.add_done_callback(lambda _: told.append(threading.current_thread()))
        future.cancel()
        assert told == [threading.current_thread()]
        gate.open()

    def test_an_outcome_is_told_once(self, single: ThreadPoolExecutor) -> None:
        """A second one is refused."""
        future = single.submit(int)
        future.result(SECONDS)
        with pytest.raises(InvalidStateError):
            future.set_result(1)
        with pytest.raises(InvalidStateError):
            future.set_exception(ValueError())
        assert future.result(0) == 0

    def test_waiting_for_all(self, executor: ThreadPoolExecutor) -> None:
        """Those done before, those done later, those that failed."""
        gate = Gate(executor)
        before = executor.submit(int)
        before.result(SECONDS)
        futures: list[Future[Any]] = [before, gate.future, *(executor.submit(fail, ValueError()) for _ in range(3))]
        assert gate.future in wait(futures, 0).not_done
        gate.open()
        assert wait(futures, SECONDS) == (set(futures), set())

    def test_waiting_for_one(self, executor: ThreadPoolExecutor) -> None:
        """The first to end, or to fail."""
        gate = Gate(executor)
        quick: list[Future[Any]] = [gate.future, executor.submit(int)]
        done, not_done = wait(quick, SECONDS, FIRST_COMPLETED)
        assert len(done) == 1
        assert not_done == {gate.future}
        failing: list[Future[Any]] = [gate.future, executor.submit(fail, ValueError())]
        done, not_done = wait(failing, SECONDS, FIRST_EXCEPTION)
        assert not_done == {gate.future}
        gate.open()

    def test_as_they_are_completed(self, executor: ThreadPoolExecutor) -> None:
        """Each once, the held one last; and cancelled ones, too."""
        gate = Gate(executor)
        futures: list[Future[Any]] = [gate.future, *(executor.submit(int) for _ in range(5))]
        order: list[Future[Any]] = []
        for future in as_completed(futures, SECONDS):
            order.append(future)
            if len(order) == 5:
                gate.open()
        assert set(order) == set(futures)
        assert order[-1] is gate.future

    def test_waiting_for_what_is_cancelled(self, single: ThreadPoolExecutor) -> None:
        """A future that is cancelled before or while somebody waits ends the wait, once its worker comes upon it at the latest."""
        gate = Gate(single)
        behind = [single.submit(int) for _ in range(3)]
        behind[0].cancel()

        def cancel() -> None:
            behind[1].cancel()
            behind[2].cancel()
            gate.open()

        threading.Timer(0.01, cancel).start()
        assert wait(behind, SECONDS).done == set(behind)

    def test_map(self, executor: ThreadPoolExecutor) -> None:
        """Results in the order of the items, as many as the shortest iterable has; calls begin before anybody asks."""
        assert list(executor.map(pow, range(10), range(5, 100))) == [number ** (number + 5) for number in range(10)]
        assert list(executor.map(pow, [2], [3], chunksize=7, timeout=SECONDS)) == [8]
        begun = threading.Event()
        executor.map(lambda _: begun.set(), [1])
        assert begun.wait(SECONDS)

    def test_map_ends_with_the_first_error(self, single: ThreadPoolExecutor) -> None:
        """Results before it are there, and the rest is cancelled."""
        results = single.map(divmod, [1, 1, 1, 1], [2, 3, 0, 5])
        assert [next(results), next(results)] == [(0, 1), (0, 1)]
        with pytest.raises(ZeroDivisionError):
            next(results)
        with pytest.raises(StopIteration):
            next(results)

    def test_map_can_be_too_slow(self, single: ThreadPoolExecutor) -> None:
        """Then it raises, and what has not begun is cancelled."""
        gate, made = Gate(single), list[int]()
        results = single.map(made.append, range(5), timeout=0.01)
        with pytest.raises(TimeoutError):
            next(results)
        gate.open()
        single.submit(int).result(SECONDS)
        assert made == []

    def test_map_by_way_of_submit(self) -> None:
        """A subclass sees every call of a map."""
        seen: list[Any] = []

        class Watched(type(self.make(1))):  # type: ignore[misc]
            def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
                seen.append((fn, args))
                return super().submit(fn, *args, **kwargs)

        with Watched(1) as executor:
            assert list(executor.map(abs, [-1, -2])) == [1, 2]
        assert seen == [(abs, (-1,)), (abs, (-2,))]

    def test_results_of_a_map_are_let_go(self, executor: ThreadPoolExecutor) -> None:
        """Its iterator keeps none that it has given out."""
        for thing in executor.map(lambda _: Thing(), range(5)):
            reference = weakref.ref(thing)
            del thing
            if sysconfig.get_config_var("Py_GIL_DISABLED"):
                garbage.collect()  # without a GIL who made an object buries it, when it has time to; this makes it
            assert reached(lambda gone=reference: gone() is None)  # type: ignore[misc]

    def test_after_a_shutdown(self) -> None:
        """What was submitted is made, threads are gone, and nothing more is taken."""
        made: list[int] = []
        executor = self.make(2)
        for number in range(50):
            executor.submit(made.append, number)
        threads = set(executor._threads)
        executor.shutdown()
        assert sorted(made) == list(range(50))
        assert not any(thread.is_alive() for thread in threads)
        with pytest.raises(RuntimeError, match="cannot schedule new futures"):
            executor.submit(int)
        executor.shutdown()

    def test_a_shutdown_that_cancels(self, single: ThreadPoolExecutor) -> None:
        """What has not begun is cancelled; what runs is finished."""
        gate = Gate(single)
        behind = [single.submit(int) for _ in range(20)]
        single.shutdown(wait=False, cancel_futures=True)
        assert all(future.cancelled() for future in behind)
        gate.open()
        assert gate.future.result(SECONDS) == "held"

    def test_a_forgotten_one(self) -> None:
        """Its calls are made, and its threads end."""
        executor = self.make(2)
        futures = [executor.submit(threading.current_thread) for _ in range(5)]
        del executor
        for future in futures:
            thread = future.result(SECONDS)
            thread.join(SECONDS)
            assert not thread.is_alive()

    def test_an_initializer_that_fails(self, caplog: pytest.LogCaptureFixture) -> None:
        """Calls fail, those submitted before and after, and the log says why."""
        broken = self.make(1, initializer=fail_silently)
        with pytest.raises(BrokenThreadPool):
            broken.submit(int).result(SECONDS)
        assert reached(lambda: broken._broken)
        with pytest.raises(BrokenThreadPool):
            broken.submit(int)
        broken.shutdown()
        assert "ValueError: unfit" in caplog.text

    def test_nothing_is_kept_of_a_call(self, single: ThreadPoolExecutor) -> None:
        """Neither its function nor its arguments, while its future is held."""
        thing = Thing()
        reference = weakref.ref(thing)
        future = single.submit(lambda _: None, thing)
        del thing
        future.result(SECONDS)
        single.submit(int).result(SECONDS)
        assert reached(lambda: reference() is None)


def reached(state: Callable[[], bool]) -> bool:
    """Whether something that is about to happen in another thread happens."""
    end = time.monotonic() + SECONDS
    while not state() and time.monotonic() < end:
        time.sleep(0.001)
    return state()
