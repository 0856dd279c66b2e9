"""pyarallel's parallel_map on threads."""

from collections.abc import Callable, Iterator
from typing import Any

from pyarallel import RateLimit, Retry, parallel_iter, parallel_map

from benchmarks.peers import RATE, n_workers

IMPORT = "pyarallel"
CANNOT: dict[str, str] = {}


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map, and ask for the values."""
    return lambda items: parallel_map(function, items, workers=n_workers()).values()


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map, with its own retries."""
    return lambda items: parallel_map(function, items, workers=n_workers(), retry=Retry(attempts=3)).values()


def streamed(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own stream."""

    def run(items: Any) -> Iterator[Any]:
        for result in parallel_iter(function, items, workers=n_workers()):
            yield result.value

    return run


def limited(function: Callable[[Any], Any], spread: bool) -> Callable[..., Any]:
    """Map, with its own rate limit."""
    return lambda items: parallel_map(function, items, workers=n_workers(), rate_limit=RateLimit(RATE, burst=1 if spread else len(items))).values()
