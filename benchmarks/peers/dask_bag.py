"""dask.bag on its threaded scheduler, a partition for each worker."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from benchmarks.peers import n_workers

IMPORT = "dask.bag"
CANNOT: dict[str, str] = {}

bag: Any = import_module("dask.bag")


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Build the bag and its graph, and compute it."""
    return lambda items: bag.from_sequence(items, npartitions=n_workers()).map(function).compute(scheduler="threads", num_workers=n_workers())
