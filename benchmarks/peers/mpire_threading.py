"""mpire with threads that live on between calls, and chunks of its own choice."""

from collections.abc import Callable
from typing import Any

from mpire import WorkerPool

from benchmarks.peers import n_workers
from benchmarks.peers.thread_pool import three_attempts

IMPORT = "mpire"
CANNOT = {"limited": "has no rate limit"}
CHUNK = 64
POOL = WorkerPool(n_workers(), start_method="threading", keep_alive=True).__enter__()


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map."""
    return lambda items: POOL.map(function, items)


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map a wrapper written by hand."""
    return over_items(three_attempts(function))


def streamed(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own stream; for items without a length it wants to be told the chunks."""
    return lambda items: POOL.imap_unordered(function, items, chunk_size=CHUNK)
