"""Threads that begin at the same moment."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def together(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Call each in a thread of its own, at the same moment; return what they return, or raise the first error."""
    waiting = list(calls)
    barrier = threading.Barrier(len(waiting))

    def meet(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(waiting)) as threads:
        return list(threads.map(meet, waiting))
