"""multiprocessing.pool.ThreadPool, with chunks of its own choice."""

from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import Any

from benchmarks.peers import n_workers

IMPORT = "multiprocessing.pool"
CANNOT: dict[str, str] = {}
POOL = ThreadPool(n_workers())


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map."""
    return lambda items: POOL.map(function, items)
