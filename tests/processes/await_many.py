"""Submits and awaits many calls, in all ways, and drops them; prints by how many megabytes that has made the process grow."""

import asyncio
import concurrent.futures
import gc
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import checks  # noqa: F401 - which makes threads eager

import lightwork as lw

N_ROUNDS = 20
N_CALLS = int(sys.argv[1]) // N_ROUNDS

Futures = Sequence["lw.Handle[Any]"]


async def await_all(handles: Futures) -> None:
    """Wait for some in an event loop, which takes its time for each."""
    await asyncio.gather(*map(asyncio.wrap_future, handles[::10]))
    for handle in handles:
        await handle


WAYS: tuple[Callable[[Futures], object], ...] = (
    lambda handles: [handle.result() for handle in handles],
    lw.gather,
    lambda handles: sum(1 for _ in lw.as_completed(handles)),
    concurrent.futures.wait,
    lambda handles: asyncio.run(await_all(handles)),
)


def resident() -> float:
    """Return how many megabytes of memory this process has, as Linux tells it."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20


with lw.Pool(2) as pool:
    for number in range(N_ROUNDS):
        if number == len(WAYS):  # what the allocator keeps for the next time is there
            before = resident()
        WAYS[number % len(WAYS)]([pool.submit(int) if index % 2 else lw.submit(int) for index in range(N_CALLS)])
    print(resident() - before)
