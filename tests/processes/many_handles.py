"""Prints the bytes that each of many handles takes while it waits, and of those the ones that are not given back, however often that is done."""

import gc
import resource
from pathlib import Path

import lightwork as lw

N = 300_000
N_ROUNDS = 4  # in any of them the allocator may keep something for the next time; a leak shows in all


def resident() -> int:
    """Return the bytes of memory that this process has, as Linux tells it."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def hand_in() -> list[lw.Handle[int]]:
    """Submit them all."""
    return [pool.submit(int) for _ in range(N)]


def round_of_calls() -> tuple[float, float]:
    """Submit them all, and let go of them when they are done; return by how much memory grew meanwhile, and in the end."""
    before = resident()
    handles = hand_in()
    most = resident()
    for each in handles:
        each.result()
    del each, handles
    return (most - before) / N, (resident() - before) / N


with lw.Pool(2) as pool:
    first = round_of_calls()
    rounds = [round_of_calls() for _ in range(N_ROUNDS - 1)]
    print(max(first[0], *(most for most, _ in rounds)), min(kept for _, kept in rounds))
