"""Time as a seam, and sleeping that anybody can end."""

import asyncio
import contextvars
import math
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest
from threads import together

from lightwork._clock import SYSTEM, LoopWaker, SystemClock, Waker, clock, sleep, sleep_async
from lightwork.testing import MockClock


def test_the_system_s_clock_is_in_force() -> None:
    """Where nobody says otherwise, time is the system's: one that never goes back, and that of the calendar."""
    assert clock() is SYSTEM
    before = time.monotonic()
    assert before <= SYSTEM.now() <= time.monotonic()
    assert abs(SYSTEM.wall() - time.time()) < 60
    assert contextvars.Context().run(clock) is SYSTEM


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.01])
def test_a_sleep_ends_with_its_time(seconds: float) -> None:
    """A sleep takes as long as it was said, and a negative one no time."""
    began = time.monotonic()
    sleep(seconds)
    asyncio.run(sleep_async(seconds))
    assert time.monotonic() - began >= 2 * max(seconds, 0.0)


def test_a_sleep_by_a_mock_clock_takes_no_time() -> None:
    """Both kinds of sleep go by the clock in force."""
    with MockClock(autojump=True) as mock:
        sleep(1e6)
        asyncio.run(sleep_async(1e6))
        assert mock.now() == 2e6


@pytest.mark.parametrize("seconds", [math.inf, 1e300, 60.0])
def test_who_sleeps_is_woken(seconds: float) -> None:
    """A thread that would sleep for ever, or nearly, is woken by another."""
    waker = Waker()
    together([lambda: SystemClock().sleep(waker, seconds), waker.wake])


def test_a_call_before_the_sleep_ends_it() -> None:
    """No call is lost, and those that came before a sleep end that one alone."""
    waker = Waker()
    for _ in range(3):
        waker.wake()
    waker.sleep(math.inf)
    began = time.monotonic()
    waker.sleep(0.01)
    assert time.monotonic() - began >= 0.01


@pytest.mark.parametrize("seconds", [math.inf, 1e300, 60.0])
def test_coroutines_are_woken_from_any_thread(seconds: float) -> None:
    """A coroutine that sleeps is woken by another thread, by its own loop, and by a call before."""

    async def scenario() -> None:
        waker = LoopWaker()
        threading.Thread(target=waker.wake).start()
        await SYSTEM.sleep_async(waker, seconds)
        asyncio.get_running_loop().call_soon(waker.wake)
        await SYSTEM.sleep_async(waker, seconds)
        waker.wake()
        await SYSTEM.sleep_async(waker, seconds)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_closed_loop_is_left_alone() -> None:
    """Waking a coroutine whose loop is closed does nothing."""

    async def make() -> LoopWaker:
        return LoopWaker()

    asyncio.run(make()).wake()


def test_cancelling_a_sleep_is_not_swallowed() -> None:
    """A task that is cancelled in its sleep ends as cancelled."""

    async def scenario() -> bool:
        task = asyncio.create_task(sleep_async(60.0))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(scenario())


@pytest.mark.parametrize("wait", [lambda: sleep(60.0), lambda: Waker().sleep(math.inf)], ids=["for a time", "for ever"])
def test_ctrl_c_ends_a_sleep(wait: Callable[[], None]) -> None:
    """An exception from a signal handler is raised out of the sleep at once."""
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        began = time.monotonic()
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(KeyboardInterrupt):
            wait()
        assert time.monotonic() - began < 30
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_handler_may_wake_the_thread_that_it_interrupts() -> None:
    """A signal handler that runs on top of the sleep itself ends it."""
    waker = Waker()
    before = signal.signal(signal.SIGUSR1, lambda *_: waker.wake())
    try:
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        began = time.monotonic()
        waker.sleep(60.0)
        assert time.monotonic() - began < 30
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_clock_in_force_is_the_context_s() -> None:
    """Another clock holds where it was set and in what was copied from there."""
    with MockClock() as mock:
        assert clock() is mock
        assert contextvars.copy_context().run(clock) is mock
        assert together([clock]) == [SYSTEM]
        with MockClock() as inner:
            assert clock() is inner
        assert clock() is mock
    assert clock() is SYSTEM
