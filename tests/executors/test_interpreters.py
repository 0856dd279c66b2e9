"""``executor="interpreter"``, on a stand-in of the standard library's pool of interpreters, and where there is none."""

import concurrent.futures
import functools
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

import lightwork as lw

SECONDS = 60


class StandIn(ThreadPoolExecutor):
    """Takes what the pool of interpreters takes, and notes it."""

    made: ClassVar[list["StandIn"]] = []

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__(max_workers)
        self.sent: list[tuple[Any, ...]] = []
        self.made.append(self)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.sent.append((fn, *args))
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[StandIn]]:
    """Let it be in the standard library; the pools that were made."""
    monkeypatch.setattr(concurrent.futures, "InterpreterPoolExecutor", StandIn, raising=False)
    monkeypatch.setattr(StandIn, "made", [])
    yield StandIn.made
    for pool in StandIn.made:
        pool.shutdown(wait=True)


def halve(number: int) -> int:
    """Fail for what cannot be halved."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def test_nothing_goes_there_but_the_function_and_an_item(made: list[StandIn]) -> None:
    """Of this package nothing can be imported there."""
    result = lw.parallel_map(halve, range(6), executor="interpreter", workers=2, chunk_size=3)
    assert result.successes() == [(0, 0), (2, 1), (4, 2)]
    assert [index for index, _ in result.failures()] == [1, 3, 5]
    assert sorted(made[0].sent, key=lambda sent: sent[1]) == [(halve, number) for number in range(6)]


def test_retries_and_streams_are_as_everywhere(made: list[StandIn]) -> None:
    """The engine stays here."""
    retry = lw.Retry(3, on=ValueError, backoff=0.0)
    results = list(lw.parallel_iter(halve, [1, 2], executor="interpreter", workers=2, retry=retry))
    assert {(result.index, result.value, result.attempts) for result in results} == {(0, None, 3), (1, 1, 1)}


def test_the_interpreters_end_with_the_call(made: list[StandIn]) -> None:
    """The pool is shut down, also after a stop."""
    token, entered, gate = lw.StopToken(), threading.Event(), threading.Event()

    def hold(number: int) -> int:
        entered.set()
        gate.wait(SECONDS)
        return number

    results: list[Any] = []
    call = functools.partial(lw.parallel_map, hold, range(5), executor="interpreter", workers=1, stop=token)
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    assert entered.wait(SECONDS)
    token.stop("enough")
    gate.set()
    thread.join(SECONDS)
    assert results[0].successes() == [(0, 0)]
    with pytest.raises(RuntimeError, match="shutdown"):
        made[0].submit(halve, 2)


@pytest.mark.parametrize(
    "options", [{"rng": 1}, {"metrics": lw.Metrics()}, {"retry": lw.Retry(retry_result=bool)}], ids=lambda options: next(iter(options))
)
def test_what_needs_this_package_there_is_refused(options: dict[str, Any], made: list[StandIn]) -> None:
    """Before anything runs."""
    with pytest.raises(ValueError, match="executor='process'"):
        lw.parallel_map(halve, [2], executor="interpreter", **options)
    assert not made[0].sent


def test_where_there_are_none_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything runs, with what to use instead."""
    monkeypatch.setattr(concurrent.futures, "InterpreterPoolExecutor", None, raising=False)
    with pytest.raises(RuntimeError, match="needs Python 3.14.*executor='process'"):
        lw.parallel_map(halve, [2], executor="interpreter")


# --- Where there are some -------------------------------------------------------------------------------------------

real = pytest.mark.skipif(not hasattr(concurrent.futures, "InterpreterPoolExecutor"), reason="this Python has no subinterpreters")


@real
def test_items_run_in_other_interpreters() -> None:
    """Not in this one, and in no more than there are workers."""
    results = lw.parallel_map(eval, ["__import__('concurrent.interpreters').interpreters.get_current().id"] * 20, executor="interpreter", workers=2)
    assert len(set(results)) <= 2
    assert eval("__import__('concurrent.interpreters').interpreters.get_current().id") not in results


@real
def test_failures_come_back_from_there() -> None:
    """With their type and message, item by item."""
    result = lw.parallel_map(math.isqrt, [4, -1, 9], executor="interpreter", workers=2)
    assert result.successes() == [(0, 2), (2, 3)]
    ((index, error),) = result.failures()
    assert index == 1
    assert isinstance(error, ValueError)
    with pytest.raises(ValueError, match=re.escape(str(error))):
        math.isqrt(-1)


@real
def test_what_takes_too_long_there_is_not_waited_for() -> None:
    """The run ends when its time is over, and says which items had no turn."""
    began = time.monotonic()
    result = lw.parallel_map(time.sleep, [2.0] * 3, executor="interpreter", workers=1, timeout=0.3)
    assert time.monotonic() - began < 1.5
    assert not result.successes()
