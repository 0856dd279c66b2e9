"""Processes that are kept from one call to the next."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor

__all__ = ["close", "processes"]

_lock = threading.Lock()
_kept: dict[int, ProcessPoolExecutor] = {}


def processes(n_workers: int) -> ProcessPoolExecutor:
    """Return an executor of so many worker processes; the one of an earlier call if that still works."""
    with _lock:
        executor = _kept.get(n_workers)
        if executor is None or executor._broken:  # noqa: SLF001 - there is no other way to ask
            # Not forked: the threads that we have are not there in a fork, and what they hold is held for good.
            executor = _kept[n_workers] = ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn"))
        return executor


def close() -> None:
    """End the workers after what they are at; the next call starts others."""
    with _lock:
        executors = [*_kept.values()]
        _kept.clear()
    for executor in executors:
        executor.shutdown()


def _forget() -> None:
    """Begin anew in a forked child: the workers are the parent's, and its lock may be held for good."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _kept.clear()


os.register_at_fork(after_in_child=_forget)
