"""multiprocessing.Pool, which pickles what it sends."""

from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.peers import n_workers

IMPORT = "multiprocessing.pool"
CANNOT: dict[str, str] = {}


def far_chunks(kernel: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Send row by row."""
    pool = get_context("spawn").Pool(n_workers())
    return lambda array: np.concatenate(pool.map(kernel, [array[row : row + 1] for row in range(len(array))], chunksize=1))
