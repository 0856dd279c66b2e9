"""Time as a seam: what time it is, and sleeping until a time or a call, by the system's clock or by a test's."""

import contextlib
import threading
import time as system_time
from contextvars import ContextVar
from typing import Final, Protocol

__all__ = ["CLOCKS", "SYSTEM", "Clock", "LoopWaker", "SystemClock", "Waker", "clock", "sleep", "sleep_async"]


class Waker:
    """
    Sleep of one thread, from which any other wakes it.

    Notes
    -----
    :meth:`wake` may be called from anywhere, signal handlers and finalizers included: anybody may release a lock, without waiting. A call that
    comes before the sleep ends it at once, so none is lost. Whoever wakes up looks at everything, so several calls count as one. No exception
    comes up in a sleep but what a signal handler raises.
    """

    __slots__ = ("_bed",)

    def __init__(self) -> None:
        self._bed = threading.Lock()
        self._bed.acquire()

    def wake(self) -> None:
        """End the sleep, or the next one."""
        if self._bed.locked():
            with contextlib.suppress(RuntimeError):  # somebody else has just done so
                self._bed.release()

    def sleep(self, seconds: float) -> None:
        """Return when woken, or after some seconds of real time; infinity is allowed."""
        self._bed.acquire(timeout=min(max(seconds, 0.0), threading.TIMEOUT_MAX))


class LoopWaker:
    """The same for a coroutine: made where an event loop runs, and woken from any thread."""

    __slots__ = ("_event", "_loop")

    def __init__(self) -> None:
        import asyncio  # noqa: PLC0415 - takes longer to import than all of ours, and only coroutines get here

        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def wake(self) -> None:
        """End the sleep, or the next one."""
        with contextlib.suppress(RuntimeError):  # the loop was closed: there is nobody left to wake
            self._loop.call_soon_threadsafe(self._event.set)

    async def sleep(self, seconds: float) -> None:
        """Return when woken, or after some seconds of real time; infinity is allowed."""
        import asyncio  # noqa: PLC0415

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0) if seconds < threading.TIMEOUT_MAX else None):
                await self._event.wait()
        self._event.clear()


class Clock(Protocol):
    """What tells the time. A sleep may end early: who sleeps looks at :meth:`now` again."""

    def now(self) -> float:
        """Return seconds since some moment; never goes back."""
        ...

    def wall(self) -> float:
        """Return seconds since 1970, for what other computers say of dates."""
        ...

    def sleep(self, waker: Waker, seconds: float) -> None:
        """Block until the waker is called or some seconds of this clock have passed."""
        ...

    async def sleep_async(self, waker: LoopWaker, seconds: float) -> None:
        """Wait in an event loop until the waker is called or some seconds of this clock have passed."""
        ...


class SystemClock:
    """The real time."""

    __slots__ = ()

    def now(self) -> float:
        """Return what ``time.monotonic`` says."""
        return system_time.monotonic()

    def wall(self) -> float:
        """Return what ``time.time`` says."""
        return system_time.time()

    def sleep(self, waker: Waker, seconds: float) -> None:
        """Block in the waker."""
        waker.sleep(seconds)

    async def sleep_async(self, waker: LoopWaker, seconds: float) -> None:
        """Wait in the waker."""
        await waker.sleep(seconds)


SYSTEM: Final = SystemClock()

# The one in force, last, and those that it is in the place of.
CLOCKS: Final[ContextVar[tuple[Clock, ...]]] = ContextVar("lightwork.clocks", default=(SYSTEM,))


def clock() -> Clock:
    """Return the clock in force: the system's, or what a test has put in its place for the calling context."""
    return CLOCKS.get()[-1]


def sleep(seconds: float) -> None:
    """Block until some seconds of the clock in force have passed; an exception that a signal handler raises ends it."""
    time, waker = clock(), Waker()
    end = time.now() + seconds
    while (left := end - time.now()) > 0:
        time.sleep(waker, left)


async def sleep_async(seconds: float) -> None:
    """Wait in an event loop until some seconds of the clock in force have passed."""
    time, waker = clock(), LoopWaker()
    end = time.now() + seconds
    while (left := end - time.now()) > 0:
        await time.sleep_async(waker, left)
