"""dask.bag on its threaded scheduler, a partition for each worker."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.peers import n_workers
from benchmarks.peers.thread_pool import three_attempts

IMPORT = "dask.bag"
CANNOT = {"limited": "has no rate limit", "streamed": "has no streams"}

bag: Any = import_module("dask.bag")


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Build the bag and its graph, and compute it."""
    return lambda items: bag.from_sequence(items, npartitions=n_workers()).map(function).compute(scheduler="threads", num_workers=n_workers())


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map a wrapper written by hand."""
    return over_items(three_attempts(function))
