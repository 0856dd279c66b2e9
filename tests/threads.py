"""Threads that begin at the same moment."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def together(calls: Iterable[Callable[[], T]], *, apart: bool = False) -> list[T]:
    """Call each in a thread of its own, at the same moment; return what they return, or raise the first error.

    With `apart`, each thread keeps to one CPU, so that they really collide where a scheduler would run them in turn. Not for
    calls that start threads, which would inherit that.
    """
    waiting = list(calls)
    barrier = threading.Barrier(len(waiting))
    cpus = sorted(os.sched_getaffinity(0)) if apart and hasattr(os, "sched_setaffinity") else []

    def meet(index: int, call: Callable[[], T]) -> T:
        if cpus:
            os.sched_setaffinity(0, {cpus[index % len(cpus)]})
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(waiting)) as threads:
        return list(threads.map(meet, range(len(waiting)), waiting))


def collide(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Call each together with the others, each on a CPU of its own as far as there are some."""
    return together(calls, apart=True)


def rounds(count: int, seconds: float = 5.0) -> Iterator[int]:
    """Yield so many numbers; fewer where others keep the CPUs busy, and threads that each keep to one wait for their slice each time."""
    deadline = time.monotonic() + seconds
    for index in range(count):
        yield index
        if time.monotonic() > deadline:
            return


def provoked(attempt: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether an attempt succeeds sooner or later: what only a collision shows is tried until there was one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if attempt():
            return True
    return False
