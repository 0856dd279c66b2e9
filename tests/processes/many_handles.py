"""Prints the bytes that each of many handles takes while it waits, and of those the ones that are not given back."""

import gc
import resource
from pathlib import Path

import lightwork as lw

N = 300_000


def resident() -> int:
    """Return the bytes of memory that this process has, as Linux tells it."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def hand_in() -> list[lw.Handle[int]]:
    """Submit them all."""
    return [pool.submit(int) for _ in range(N)]


with lw.Pool(2) as pool:
    for handle in hand_in():  # what the allocator keeps for the next time
        handle.result()
    del handle
    before = resident()
    handles = hand_in()
    most = resident()
    for each in handles:
        each.result()
    del each, handles
    print((most - before) / N, (resident() - before) / N)
