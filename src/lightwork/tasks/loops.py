"""Waiting for a handle in somebody's event loop."""

from __future__ import annotations

import sys
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["wait_in_loop"]

T = TypeVar("T")


def wait_in_loop(future: Future[T]) -> Generator[Any, None, T]:
    """Return a future's result when it is there, and let the event loop that runs in this thread do other things until then."""
    if _is_in_trio():
        return (yield from _wait_in_trio(future).__await__())
    import asyncio  # noqa: PLC0415 - takes longer to import than all of ours, and only coroutines get here

    return (yield from asyncio.wrap_future(future).__await__())


def _is_in_trio() -> bool:
    trio: Any = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


async def _wait_in_trio(future: Future[T]) -> T:
    trio: Any = sys.modules["trio"]
    done = trio.Event()
    token = trio.lowlevel.current_trio_token()
    future.add_done_callback(lambda _: token.run_sync_soon(done.set))
    try:
        await done.wait()
    except trio.Cancelled:
        future.cancel()
        raise
    return future.result(0)
