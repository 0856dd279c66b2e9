"""A ``ProcessPoolExecutor`` that lives on between calls, item by item."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.peers import n_workers

IMPORT = "concurrent.futures"
CANNOT: dict[str, str] = {}
POOL = ProcessPoolExecutor(n_workers(), multiprocessing.get_context("forkserver"))


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map."""
    return lambda items: list(POOL.map(function, items))
