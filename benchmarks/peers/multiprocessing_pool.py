"""A ``multiprocessing.Pool`` that lives on between calls, and pickles what it sends."""

import multiprocessing
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.peers import n_workers

IMPORT = "multiprocessing.pool"
CANNOT: dict[str, str] = {}
POOL = multiprocessing.get_context("forkserver").Pool(n_workers())


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map, with chunks of its own choice."""
    return lambda items: POOL.map(function, items)


def far_chunks(kernel: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Send row by row."""
    return lambda array: np.concatenate(POOL.map(kernel, [array[row : row + 1] for row in range(len(array))], chunksize=1))
