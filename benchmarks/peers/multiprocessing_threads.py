"""multiprocessing.pool.ThreadPool, with chunks of its own choice."""

from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import Any

from benchmarks.peers import n_workers
from benchmarks.peers.thread_pool import three_attempts

IMPORT = "multiprocessing.pool"
CANNOT = {"limited": "has no rate limit"}
POOL = ThreadPool(n_workers())


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map."""
    return lambda items: POOL.map(function, items)


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map a wrapper written by hand."""
    return over_items(three_attempts(function))


def streamed(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own stream, which goes item by item."""
    return lambda items: POOL.imap_unordered(function, items)
