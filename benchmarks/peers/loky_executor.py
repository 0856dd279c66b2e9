"""loky's executor that lives on between calls, in as many chunks as ``Pool.map`` would make."""

from collections.abc import Callable
from typing import Any

import loky

from benchmarks.peers import n_workers

IMPORT = "loky"
CANNOT: dict[str, str] = {}
POOL = loky.get_reusable_executor(n_workers())


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map."""
    return lambda items: list(POOL.map(function, items, chunksize=-(-len(items) // (4 * n_workers()))))
