"""The tools for tests: a clock that goes when it is told to, and back-off that does not sleep."""

import asyncio
import contextvars
import functools
import math
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from threads import together

from lightwork import Retry
from lightwork._clock import Waker, clock, sleep, sleep_async
from lightwork.testing import MockClock, no_backoff


def until(mock: MockClock, n_sleepers: int) -> None:
    """Wait for so many to sleep."""
    while mock.sleepers() < n_sleepers:
        time.sleep(0)


@given(st.lists(st.floats(0, 1e6), max_size=10), st.floats(-1e6, 1e6), st.floats(0, 2e9))
def test_it_shows_what_it_was_advanced_by(steps: list[float], start: float, wall: float) -> None:
    """Both its times go on alike, and never back."""
    mock = MockClock(start, wall=wall)
    for step in steps:
        before = mock.now()
        mock.advance(step)
        assert mock.now() == before + step
    assert mock.now() == pytest.approx(start + sum(steps))
    assert mock.wall() == pytest.approx(wall + sum(steps))


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
def test_it_does_not_go_back(seconds: float) -> None:
    """Time goes on by finite steps."""
    with pytest.raises(ValueError, match="seconds must be"):
        MockClock().advance(seconds)
    with pytest.raises(TypeError, match="start must be a number"):
        MockClock("now")  # type: ignore[arg-type]


def test_who_sleeps_wakes_when_it_gets_there() -> None:
    """Threads wake in the order of their ends, and not before."""
    mock, woken = MockClock(), list[float]()

    def run(seconds: float) -> None:
        with mock:
            sleep(seconds)
            woken.append(seconds)

    threads = [threading.Thread(target=run, args=(seconds,)) for seconds in (3.0, 1.0, 2.0)]
    for thread in threads:
        thread.start()
    until(mock, 3)
    mock.advance(0.5)
    assert mock.sleepers() == 3
    for n_left in (2, 1, 0):
        mock.advance(1.0)
        while len(woken) < 3 - n_left:
            time.sleep(0)
    for thread in threads:
        thread.join(60)
    assert woken == [1.0, 2.0, 3.0]


def test_coroutines_sleep_by_it() -> None:
    """A coroutine wakes when the clock is advanced by another, or by another thread."""

    async def scenario(mock: MockClock) -> float:
        task = asyncio.create_task(sleep_async(10.0))
        await asyncio.sleep(0)
        mock.advance(9.0)
        await asyncio.sleep(0)
        assert not task.done()
        threading.Thread(target=mock.advance, args=(1.0,)).start()
        await task
        return mock.now()

    with MockClock() as mock:
        assert asyncio.run(asyncio.wait_for(scenario(mock), 60)) == 10.0


def test_a_clock_that_jumps_waits_for_nobody() -> None:
    """With autojump a sleep takes the clock along, and wakes whoever would have woken before."""
    with MockClock(5.0, autojump=True) as mock:
        sleep(2.0)
        assert mock.now() == 7.0
        sleep(0.0)
        assert mock.now() == 7.0
        waker = Waker()
        waker.wake()
        mock.sleep(waker, math.inf)
        assert mock.now() == 7.0
        assert mock.sleepers() == 0


@pytest.mark.usefixtures("eager_switching")
def test_no_wake_up_is_lost() -> None:
    """Threads that sleep again and again while others advance the clock all get to the end."""
    mock = MockClock()

    def run() -> None:
        with mock:
            for _ in range(200):
                sleep(1.0)

    def advance(done: threading.Event) -> None:
        while not done.is_set():
            mock.advance(0.5)

    done = threading.Event()
    advancer = threading.Thread(target=advance, args=(done,))
    advancer.start()
    together([run] * 3)
    done.set()
    advancer.join(60)
    assert mock.now() >= 200


def test_one_clock_may_be_in_force_in_several_threads() -> None:
    """Threads enter and leave the same clock as they like."""
    mock = MockClock()

    def enter() -> bool:
        with mock, mock:
            return clock() is mock

    assert together([enter] * 4) == [True] * 4
    assert clock() is not mock


def test_back_off_can_be_switched_off() -> None:
    """In the block retries follow at once, attempts are counted, and outside it they wait again."""
    calls: list[float] = []

    def fail() -> None:
        calls.append(clock().now())
        raise OSError("down")

    retry = Retry(4, backoff=100.0, jitter="none", wait_from=lambda _: 500.0)
    with MockClock(autojump=True):
        with no_backoff(), pytest.raises(OSError, match="down"):
            retry.call(fail)
        assert calls == [0.0] * 4
        with pytest.raises(OSError, match="down"):
            retry.call(fail)
        assert calls[4:] == [0.0, 500.0, 1000.0, 1500.0]


def test_the_switch_is_the_context_s() -> None:
    """Other contexts keep their back-off, and an error ends the block like the others."""
    decide = functools.partial(Retry(2, jitter="none").decide, 1, OSError(), None, 0.0)
    with no_backoff():
        assert decide().delay == 0.0
        assert contextvars.Context().run(decide).delay == 1.0
        assert contextvars.copy_context().run(decide).delay == 0.0
    assert decide().delay == 1.0


def test_an_error_ends_the_switch() -> None:
    """After a block that failed retries wait again."""
    with pytest.raises(ZeroDivisionError), no_backoff():
        raise ZeroDivisionError
    assert Retry(2, jitter="none").decide(1, OSError(), None, 0.0).delay == 1.0
