"""Nested three levels deep, each level wanting all workers, there are never more threads than the budget and one."""

import os

import numpy as np
from checks import check_map

import lightwork as lw

counts: list[int] = []


def nest(depth: int) -> None:
    """Map within a map, and count at the bottom."""
    if depth == 0:
        check_map(100_000, workers=None)
        counts.append(len(os.listdir("/proc/self/task")))
        return

    def descend(chunk: np.ndarray) -> np.ndarray:
        nest(depth - 1)
        return chunk + depth

    np.testing.assert_array_equal(lw.chunked_map(descend, np.arange(4), chunk_size=1), np.arange(4) + depth)


nest(3)
assert len(counts) == 64
assert max(counts) <= lw.cpu_budget() + 1, (max(counts), lw.cpu_budget())
