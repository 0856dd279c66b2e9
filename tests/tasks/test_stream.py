"""parallel_iter: results one by one, never further ahead than the window."""

import itertools
import threading
import time
import weakref
from collections.abc import Iterator
from operator import neg
from typing import Any

import garbage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lightwork as lw
from lightwork.testing import serial

SECONDS = 30


def half(item: int) -> int:
    """Fail for odd items."""
    if item % 2:
        raise ValueError(item)
    return item // 2


@given(st.integers(0, 60), st.integers(1, 4), st.none() | st.integers(1, 9), st.none() | st.integers(1, 9), st.booleans())
@settings(deadline=None, max_examples=40)
def test_every_item_has_one_result(n_items: int, workers: int, window: int | None, chunk_size: int | None, ordered: bool) -> None:
    """In their order, or in any; failures too."""
    results = list(
        lw.parallel_iter(
            half, iter(range(n_items)), workers=workers, window=window, chunk_size=chunk_size, ordered=ordered, retry=lw.Retry(2, backoff=0.0)
        )
    )
    indices = [result.index for result in results]
    assert (indices if ordered else sorted(indices)) == list(range(n_items))
    assert all(result.value == result.index // 2 and result.attempts == 1 for result in results if result.ok)
    assert all(isinstance(result.error, ValueError) and result.attempts == 2 for result in results if not result.ok)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("make", [lambda: iter(range(1000)), lambda: list(range(1000))], ids=["iterator", "list"])
def test_leaving_after_one_result_has_started_no_more_than_the_window(make: Any, ordered: bool) -> None:
    """Of a thousand items."""
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.001)
        return item

    for _ in lw.parallel_iter(work, make(), workers=3, window=10, ordered=ordered):
        break
    garbage.collect()
    n_begun = len(begun)
    assert n_begun <= 10
    time.sleep(0.05)  # the time in which others would begin if they did
    assert len(begun) == n_begun


def test_an_endless_source_is_read_no_further_than_the_window() -> None:
    """What is unfinished or unread keeps others out, also while nobody reads."""
    pulled = 0

    def numbers() -> Iterator[int]:
        nonlocal pulled
        for i in itertools.count():
            pulled += 1
            yield i

    stream = lw.parallel_iter(neg, numbers(), workers=2, window=5, ordered=True)
    for n_read, result in enumerate(itertools.islice(stream, 100)):
        assert result.value == -n_read
        assert pulled <= n_read + 1 + 5
    stream.close()  # type: ignore[attr-defined]


def test_nothing_begins_before_somebody_asks() -> None:
    """Neither is the source touched."""
    touched: list[int] = []
    stream = lw.parallel_iter(neg, map(touched.append, range(3)))
    assert touched == []
    del stream


class Load:
    """Something that can be seen to die."""


def test_what_was_read_is_let_go() -> None:
    """No more values are alive than the window allows, while the stream goes on."""
    alive: weakref.WeakSet[Load] = weakref.WeakSet()

    def work(_: int) -> Load:
        load = Load()
        alive.add(load)
        return load

    def n_alive() -> int:
        end = time.monotonic() + 10.0
        while len(alive) > 16 + 2 and time.monotonic() < end:
            garbage.collect()  # without a GIL who made an object buries it, when it has time to; this makes it, but for the latest ones
        return len(alive)

    most = 0
    for result in lw.parallel_iter(work, range(500), workers=2, window=16):
        del result
        most = max(most, n_alive())
    assert most <= 16 + 2


def test_items_go_on_while_the_reader_is_busy() -> None:
    """Back-off and limits are kept by somebody else meanwhile."""
    failed: set[int] = set()
    done = threading.Event()

    def work(item: int) -> int:
        if item == 1 and not failed:
            failed.add(item)
            raise ConnectionError
        if item == 1:
            done.set()
        return item

    stream = lw.parallel_iter(work, range(2), workers=2, retry=lw.Retry(2, backoff=0.05, jitter="none"), ordered=True)
    assert next(stream).value == 0
    assert done.wait(SECONDS)  # nobody asks for a result, and yet it was tried again
    assert [result.value for result in stream] == [1]


def test_a_first_failure_can_end_the_stream() -> None:
    """It is raised with its note."""
    with pytest.raises(ValueError, match="3") as caught:
        list(lw.parallel_iter(half, [0, 2, 3, 4], errors="raise", ordered=True, workers=1))
    assert caught.value.__notes__ == ["in item 2, argument 3"]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_source_s_error_comes_after_the_results_before_it(ordered: bool) -> None:
    """All of them."""

    def numbers() -> Iterator[int]:
        yield from range(10)
        raise OSError("gone")

    seen: list[int] = []
    with pytest.raises(OSError, match="gone"):  # noqa: PT012 - what was read before the error counts
        for result in lw.parallel_iter(neg, numbers(), ordered=ordered):
            seen.append(result.index)  # noqa: PERF401
    assert sorted(seen) == list(range(10))


def test_an_early_end_is_told() -> None:
    """After the results that there are; a stop is no error."""
    with pytest.raises(lw.TimedOut):
        list(lw.parallel_iter(time.sleep, itertools.repeat(0.01), timeout=0.05))
    with pytest.raises(lw.Aborted, match="2 items failed"):
        list(lw.parallel_iter(half, itertools.repeat(1), max_errors=2))
    token = lw.StopToken()
    n_read = 0
    for n_read, _ in enumerate(lw.parallel_iter(neg, itertools.count(), stop=token, window=4)):
        if n_read == 20:
            token.stop()
    assert 20 <= n_read <= 25


def test_an_interrupt_in_an_item_ends_the_stream() -> None:
    """It is raised where the results are read."""

    def work(item: int) -> int:
        if item == 5:
            raise KeyboardInterrupt
        return item

    with pytest.raises(KeyboardInterrupt):
        list(lw.parallel_iter(work, range(100), workers=2))


@pytest.mark.parametrize("options", [{}, {"ordered": True}, {"executor": "serial", "chunk_size": 1}], ids=str)
@pytest.mark.parametrize("name", ["on_progress", "on_result"])
def test_a_listener_that_fails_ends_the_stream(name: str, options: dict[str, Any]) -> None:
    """What was done by then is read before its error comes, and it hears no more."""
    heard: list[tuple[Any, ...]] = []
    done: list[int] = []
    read: list[lw.ItemResult[int]] = []

    def work(item: int) -> int:
        done.append(item)
        return item

    def listen(*told: Any) -> None:
        heard.append(told)
        raise RuntimeError("listener")

    stream: Any = lw.parallel_iter
    with pytest.raises(RuntimeError, match="listener"):
        read.extend(stream(work, itertools.count(), window=8, workers=2, **{name: listen}, **options))
    assert len(heard) == 1
    assert 0 in [result.value for result in read]
    assert {result.value for result in read} <= set(done)
    assert len(done) - len(read) <= 2  # what was in workers' hands is not waited for


def test_keys_and_seeds_come_along() -> None:
    """As they do for all results at once."""
    results = list(lw.parallel_iter(lambda item, rng: rng.spawn_key, [5, 6], rng=1, item_key=str, ordered=True))
    assert [(result.key, result.value) for result in results] == [("5", (0,)), ("6", (1,))]


def test_a_stream_cannot_be_read_by_two_at_once() -> None:
    """Python says so."""
    stream: Iterator[lw.ItemResult[int]]

    def numbers() -> Iterator[int]:
        yield 1
        next(stream)

    stream = lw.parallel_iter(neg, numbers())
    with pytest.raises(ValueError, match="already executing"):
        list(stream)


def test_serial_streams_run_item_by_item() -> None:
    """In the calling thread, as results are asked for."""
    with serial():
        threads = {result.value for result in lw.parallel_iter(lambda _: threading.get_ident(), range(20), workers=4)}
    assert threads == {threading.get_ident()}
