"""pyarallel's parallel_map on threads."""

from collections.abc import Callable
from typing import Any

from pyarallel import parallel_map

from benchmarks.peers import n_workers

IMPORT = "pyarallel"
CANNOT: dict[str, str] = {}


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map, and ask for the values."""
    return lambda items: parallel_map(function, items, workers=n_workers()).values()
