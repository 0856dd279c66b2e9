"""Runs over items on executors that others have made, whatever is behind them."""

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any

import pytest

import lightwork as lw

SECONDS = 60


class Postman(Executor):
    """The least that an executor can be: calls travel pickled to a single thread, and so do results, as between machines."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []
        self._letters: SimpleQueue[tuple[Future[Any], bytes] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.futures.append(future)
        self._letters.put((future, pickle.dumps((fn, args, kwargs))))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._letters.put(None)
        self._thread.join(SECONDS)

    def _work(self) -> None:
        while (letter := self._letters.get()) is not None:
            future, content = letter
            if future.set_running_or_notify_cancel():
                try:
                    fn, args, kwargs = pickle.loads(content)
                    future.set_result(pickle.loads(pickle.dumps(fn(*args, **kwargs))))
                except BaseException as error:
                    future.set_exception(error)


def seen(condition: Callable[[], bool]) -> bool:
    """Whether something comes about."""
    end = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(1e-3)
    return condition()


@pytest.fixture
def postman() -> Iterator[Postman]:
    """An executor that is no pool."""
    with Postman() as executor:
        yield executor


def halve(number: int) -> int:
    """Fail for what cannot be halved."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def return_lock(number: int) -> Any:
    """Return something that cannot travel, once."""
    return threading.Lock() if number == 2 else number


GATE, ENTERED = threading.Event(), threading.Event()


def hold(number: int) -> int:
    """Stay until the gate is open; the thread is of this process."""
    ENTERED.set()
    GATE.wait(SECONDS)
    return number


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What holds items, and in the end no more."""
    GATE.clear()
    ENTERED.clear()
    yield GATE
    GATE.set()


def test_items_run_on_whatever_takes_calls(postman: Postman) -> None:
    """With attempts, errors and order as ever."""
    result = lw.parallel_map(halve, range(40), executor=postman, retry=lw.Retry(2, on=ValueError, backoff=0.0))
    assert result.successes() == [(number, number // 2) for number in range(0, 40, 2)]
    assert [index for index, _ in result.failures()] == list(range(1, 40, 2))
    assert {item.attempts for item in result.item_results() if item.error} == {2}


def test_a_result_that_cannot_travel_fails_alone(postman: Postman) -> None:
    """Its chunk is sent again item by item."""
    result = lw.parallel_map(return_lock, range(5), executor=postman, chunk_size=5)
    assert [index for index, _ in result.failures()] == [2]
    assert len(result.successes()) == 4


def test_a_stop_lets_go_of_what_has_not_begun(postman: Postman, gate: threading.Event) -> None:
    """What runs comes to its end, the rest never begins."""
    token, results = lw.StopToken(), list[Any]()
    items: dict[str, Any] = {"workers": 8, "chunk_size": 1, "executor": postman, "stop": token}
    thread = threading.Thread(target=lambda: results.append(lw.parallel_map(hold, range(8), **items)))
    thread.start()
    assert ENTERED.wait(SECONDS)
    assert seen(lambda: len(postman.futures) == 8)
    token.stop("enough")
    assert seen(lambda: all(future.cancelled() for future in postman.futures[1:]))
    gate.set()
    thread.join(SECONDS)
    assert results[0].status == lw.RunStatus.CANCELLED
    assert results[0].successes() == [(0, 0)]
    assert {type(error) for _, error in results[0].failures()} == {lw.Cancelled}


def test_a_run_that_is_out_of_time_takes_its_calls_back(postman: Postman, gate: threading.Event) -> None:
    """The executor is free for others as soon as it has done what it had begun."""
    result = lw.parallel_map(hold, range(8), executor=postman, workers=8, chunk_size=1, timeout=0.2)
    assert result.status == lw.RunStatus.TIMED_OUT and not result.successes()
    others = postman.submit(halve, 8)
    ENTERED.clear()
    gate.set()
    assert others.result(SECONDS) == 4
    assert not ENTERED.is_set()


def test_what_an_executor_cancels_of_itself_has_failed(postman: Postman) -> None:
    """It was wanted."""

    class Refusing(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.cancel()
            return future

    result = lw.parallel_map(halve, [2], executor=Refusing())
    with pytest.raises(RuntimeError, match="shut down in the middle"):
        raise result.failures()[0][1]
