"""Waiting for a handle in somebody's event loop."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["wait_in_loop"]

T = TypeVar("T")


def wait_in_loop(future: Future[T]) -> Generator[Any, None, T]:
    """Return a future's result when it is there, and let the event loop that runs in this thread do other things until then."""
    waiting = _wait_in_trio(future) if _is_in_trio() else _wait_in_asyncio(future)
    del future  # here and below: else a traceback would keep it, and it the traceback
    return (yield from waiting.__await__())


async def _wait_in_asyncio(future: Future[T]) -> T:
    import asyncio  # noqa: PLC0415 - takes longer to import than all of ours, and only coroutines get here

    waiting = asyncio.wrap_future(future)
    del future
    try:
        return await waiting
    finally:
        del waiting


def _is_in_trio() -> bool:
    trio: Any = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


async def _wait_in_trio(future: Future[T]) -> T:
    trio: Any = sys.modules["trio"]
    done = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def tell(_: object) -> None:
        with contextlib.suppress(trio.RunFinishedError):  # nobody waits any more
            token.run_sync_soon(done.set)

    future.add_done_callback(tell)
    try:
        await done.wait()
    except trio.Cancelled:
        future.cancel()
        raise
    try:
        return future.result(0)
    finally:
        del future
