"""makeParallel's parallel_map, which knows no number of workers."""

from collections.abc import Callable
from typing import Any

from makeparallel import parallel_map

from benchmarks.peers.thread_pool import three_attempts

IMPORT = "makeparallel"
CANNOT = {"limited": "has no rate limit", "streamed": "has no streams"}


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map."""
    return lambda items: parallel_map(function, items)


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map a wrapper written by hand."""
    return over_items(three_attempts(function))
