"""A ``multiprocessing.Pool`` that lives on between calls, with chunks of its own choice."""

import multiprocessing
from collections.abc import Callable
from typing import Any

from benchmarks.peers import n_workers

IMPORT = "multiprocessing"
CANNOT: dict[str, str] = {}
POOL = multiprocessing.get_context("forkserver").Pool(n_workers())


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map."""
    return lambda items: POOL.map(function, items)
