"""makeParallel's parallel_map, which knows no number of workers."""

from collections.abc import Callable
from typing import Any

from makeparallel import parallel_map

IMPORT = "makeparallel"
CANNOT: dict[str, str] = {}


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map."""
    return lambda items: parallel_map(function, items)
