"""The async twins: the same run, in an event loop."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

import lightwork as lw
from lightwork.testing import MockClock

SECONDS = 30


async def half(item: int) -> int:
    """Fail for odd items, after letting others run."""
    await asyncio.sleep(0)
    if item % 2:
        raise ValueError(item)
    return item // 2


async def numbers(n_items: int, error: BaseException | None = None) -> AsyncIterator[int]:
    """Yield some numbers, and then fail perhaps."""
    for i in range(n_items):
        await asyncio.sleep(0)
        yield i
    if error is not None:
        raise error


@pytest.mark.parametrize(
    "options", [{}, {"workers": 1}, {"workers": 3, "window": 4}, {"retry": lw.Retry(2, backoff=0.0)}, {"rate_limit": 1e6}], ids=str
)
@pytest.mark.parametrize("is_async", [True, False])
def test_values_and_failures_are_those_of_a_loop(options: dict[str, Any], is_async: bool) -> None:
    """From sources of both kinds."""

    async def main() -> lw.ParallelResult[int]:
        result: lw.ParallelResult[int] = await lw.async_parallel_map(half, numbers(30) if is_async else range(30), **options)
        return result

    result = asyncio.run(main())
    assert result.successes() == [(i, i // 2) for i in range(0, 30, 2)]
    assert [(i, error.args) for i, error in result.failures()] == [(i, (i,)) for i in range(1, 30, 2)]


def test_starmap_and_what_there_is_instead_of_a_result() -> None:
    """Arguments are unpacked; exceptions can stand for values, or be raised."""

    async def divide(x: int, y: int) -> float:
        return x / y

    async def main() -> None:
        assert (await lw.async_parallel_starmap(divide, [(4, 2), (1, 1)])).values() == [2.0, 1.0]
        outcomes = await lw.async_parallel_map(half, [2, 3], return_exceptions=True)
        assert (outcomes[0], type(outcomes[1])) == (1, ValueError)
        with pytest.raises(ValueError, match="3") as caught:
            await lw.async_parallel_map(half, [2, 3], errors="raise", workers=1)
        assert caught.value.partial_result.ok_values() == [1]  # type: ignore[attr-defined]

    asyncio.run(main())


def test_waiting_for_another_attempt_holds_no_place() -> None:
    """Two at a time, two that wait: the healthy ones are done meanwhile."""
    began = time.perf_counter()
    done: dict[int, float] = {}

    async def work(item: int) -> None:
        if item < 2 and item not in done:
            done[item] = 0.0
            raise ConnectionError
        done[item] = time.perf_counter() - began

    result = asyncio.run(lw.async_parallel_map(work, range(12), workers=2, retry=lw.Retry(2, backoff=0.5, jitter="none")))
    assert result.ok
    assert max(done[i] for i in range(2, 12)) < 0.4
    assert min(done[0], done[1]) >= 0.5


def test_items_that_take_too_long_are_cancelled() -> None:
    """One by its own time, all by the run's; and whoever cancels the call cancels them."""
    cancelled: list[float] = []

    async def work(seconds: float) -> float:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            cancelled.append(seconds)
            raise
        return seconds

    async def main() -> None:
        result = await lw.async_parallel_map(work, [0.0, 60.0], task_timeout=0.05)
        assert result.ok_values() == [0.0]
        assert isinstance(result.failures()[0][1], lw.TimedOut)
        result = await lw.async_parallel_map(work, [0.0, 61.0], timeout=0.05)
        assert (result.status, result.ok_values()) == (lw.RunStatus.TIMED_OUT, [0.0])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lw.async_parallel_map(work, [62.0])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert cancelled == [60.0, 61.0, 62.0]


@pytest.mark.parametrize("options", [{"timeout": 0.2}, {"task_timeout": 0.2}, {"errors": "raise"}], ids=str)
def test_what_is_cancelled_may_tidy_up(options: dict[str, Any]) -> None:
    """It is cancelled once, and its time to tidy up is waited for."""
    begun: list[int] = []
    tidied: list[int] = []

    async def work(item: int) -> None:
        if item == 0:
            raise ValueError
        begun.append(item)
        try:
            await asyncio.sleep(30)
        finally:
            for _ in range(5):
                await asyncio.sleep(0.01)
            tidied.append(item)

    async def main() -> None:
        with contextlib.suppress(ValueError):
            await lw.async_parallel_map(work, range("errors" not in options, 3), workers=3, **options)

    asyncio.run(main())
    assert sorted(tidied) == sorted(begun)


def test_a_cancellation_from_inside_is_a_failure() -> None:
    """It does not cancel who waits for the others."""

    async def work(item: int) -> int:
        if item == 1:
            raise asyncio.CancelledError
        return item

    result = asyncio.run(lw.async_parallel_map(work, range(3)))
    assert result.ok_values() == [0, 2]
    assert isinstance(result.failures()[0][1], lw.Cancelled)


class OddError(BaseException):
    """What is neither an error nor an exit."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("v"), ValueError), (OddError("o"), OddError), (GeneratorExit(), GeneratorExit), (asyncio.CancelledError(), lw.Cancelled)],
    ids=repr,
)
def test_whatever_a_source_raises_is_raised(error: BaseException, kind: type[BaseException]) -> None:
    """No end that is none is taken for one, and what came before is there."""
    with pytest.raises(kind) as caught:
        asyncio.run(lw.async_parallel_map(half, numbers(3, error)))
    assert caught.value.partial_result.successes() == [(0, 0), (2, 1)]  # type: ignore[attr-defined]


def test_a_source_that_is_left_alone_may_tidy_up() -> None:
    """It is cancelled once, while what runs comes to its end."""
    token = lw.StopToken()
    tidied: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        yield 0
        yield 1
        try:
            await asyncio.sleep(SECONDS)
        finally:
            for _ in range(5):
                await asyncio.sleep(0.01)
            tidied.append(True)

    async def work(item: int) -> int:
        await asyncio.sleep(0.01)
        token.stop()
        await asyncio.sleep(0.01 * item)
        return item

    result = asyncio.run(lw.async_parallel_map(work, numbers(), stop=token, workers=2))
    assert (result.ok_values(), tidied) == ([0, 1], [True])


@pytest.mark.parametrize("name", ["timeout", "task_timeout"])
def test_an_item_that_holds_up_the_loop_finds_that_its_time_is_over(name: str) -> None:
    """Though nobody else could look at the clock; and all items are in the result."""
    told: list[Any] = []

    async def work(item: int) -> int:
        clock.advance(5.0)
        lw.check_cancelled()
        return item

    options: dict[str, Any] = {name: 3.0}
    retry = lw.Retry(2, backoff=0.0, on_retry=lambda info: told.append((type(info.error), info.key)))
    with MockClock() as clock:
        result = asyncio.run(lw.async_parallel_map(work, [1, 2], workers=1, retry=retry, item_key=str, **options))
    assert [type(error) for _, error in result.failures()] == [lw.TimedOut, lw.TimedOut]
    assert told == ([(lw.TimedOut, "1"), (lw.TimedOut, "2")] if name == "task_timeout" else [])


@pytest.mark.parametrize("name", ["on_progress", "on_result"])
def test_a_listener_that_fails_ends_the_stream(name: str) -> None:
    """What was done by then is read before its error comes, and it hears no more."""
    heard: list[Any] = []
    read: list[int] = []

    def listen(*told: Any) -> None:
        heard.append(told)
        raise RuntimeError("listener")

    async def main() -> None:
        stream: Any = lw.async_parallel_iter
        async for index, _ in stream(half, itertools.count(0, 2), window=8, **{name: listen}):
            read.append(index)

    with pytest.raises(RuntimeError, match="listener"):
        asyncio.run(main())
    assert len(heard) == 1
    assert 0 in read


def test_hours_pass_at_once_by_a_clock_of_one_s_own() -> None:
    """Back-off goes by the clock in force."""
    failed: set[int] = set()

    async def work(item: int) -> int:
        if item not in failed:
            failed.add(item)
            raise ConnectionError
        return item

    with MockClock(autojump=True) as clock:
        assert asyncio.run(lw.async_parallel_map(work, range(3), retry=lw.Retry(2, backoff=3600, max_delay=7200, jitter="none"))).ok
        assert clock.now() >= 3600


def test_streams_yield_every_result() -> None:
    """In order, or as they come."""

    async def main() -> None:
        for ordered in (True, False):
            indices = [result.index async for result in lw.async_parallel_iter(half, numbers(20), ordered=ordered, workers=3)]
            assert (indices if ordered else sorted(indices)) == list(range(20))
        seen: list[int] = []
        with pytest.raises(OSError, match="gone"):  # noqa: PT012 - what was read before the error counts
            async for result in lw.async_parallel_iter(half, numbers(5, OSError("gone"))):
                seen.append(result.index)  # noqa: PERF401
        assert sorted(seen) == list(range(5))

    asyncio.run(main())


def test_leaving_a_stream_cancels_what_runs_and_touches_the_source_no_more() -> None:
    """No more items were begun than the window allows."""
    begun: list[int] = []

    async def work(item: int) -> int:
        begun.append(item)
        await asyncio.sleep(60 if item else 0)
        return item

    async def main() -> None:
        async with aclosing(lw.async_parallel_iter(work, numbers(1000), workers=3, window=6)) as stream:  # type: ignore[type-var]
            async for _ in stream:
                break
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert 1 <= len(begun) <= 6


def test_items_go_on_while_the_reader_is_busy() -> None:
    """As far as the window allows."""
    done: list[int] = []

    async def work(item: int) -> int:
        await asyncio.sleep(0)
        done.append(item)
        return item

    async def main() -> None:
        stream = lw.async_parallel_iter(work, range(100), workers=2, window=6)
        await anext(aiter(stream))
        for _ in range(50):
            await asyncio.sleep(0)
        assert 5 <= len(done) <= 7
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())


def test_tokens_and_limiters_are_heard_in_the_loop() -> None:
    """A stop ends the run; starts keep to the rate."""
    token = lw.StopToken()
    starts: list[float] = []

    async def work(item: int) -> int:
        starts.append(time.monotonic())
        if item == 5:
            token.stop("enough")
        return item

    result = asyncio.run(lw.async_parallel_map(work, range(100), stop=token, rate_limit=lw.RateLimit(200), workers=4))
    assert result.status is lw.RunStatus.CANCELLED
    assert len(starts) == 6
    assert starts[-1] - starts[0] >= 0.024


def test_what_is_not_awaitable_is_the_item_s_failure() -> None:
    """A plain function belongs elsewhere."""
    plain: Any = len
    result: lw.ParallelResult[int] = asyncio.run(lw.async_parallel_map(plain, ["a"]))
    assert isinstance(result.failures()[0][1], TypeError)


def test_items_are_known_inside() -> None:
    """They can report, and are told when they are not wanted."""
    heard: list[Any] = []

    async def work(item: int) -> None:
        lw.report_progress(item, 3)
        lw.check_cancelled()

    assert asyncio.run(lw.async_parallel_map(work, range(3), on_report=lambda *report: heard.append(report))).ok
    assert sorted(heard) == [(i, i, 3) for i in range(3)]
