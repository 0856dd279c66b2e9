"""mpire with processes that live on between calls, and chunks of its own choice."""

from collections.abc import Callable
from typing import Any

from mpire import WorkerPool

from benchmarks.peers import n_workers

IMPORT = "mpire"
CANNOT: dict[str, str] = {}
POOL = WorkerPool(n_workers(), keep_alive=True).__enter__()


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map."""
    return lambda items: POOL.map(function, items)
