"""lightwork itself, with nothing tuned. Its jobs and chunks have no Python in them, so ``probe.pyx`` times those in C."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

import numpy as np
from lightwork.arrays.ufunc import on_every_core

import lightwork as lw
from benchmarks.peers import RATE, n_workers
from lightwork.arrays import counting, moments, positions, reductions

IMPORT = "lightwork"
CANNOT: dict[str, str] = {}


def elementwise(name: str) -> Callable[..., Any]:
    """Map the ufunc."""
    ufunc = getattr(np, name)

    def run(*operands: Any) -> None:
        *arrays, out = operands
        lw.chunked_map(ufunc, *arrays, out=out)

    return run


def over_slices(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Map the kernel over chunks of lightwork's own choice."""
    return lambda array, out: lw.chunked_map(kernel, array, out=out)


def far_chunks(kernel: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Map the kernel over single rows, in processes."""
    return lambda array: lw.chunked_map(kernel, array, chunk_size=1, workers=n_workers(), executor="process")


def pool(n_workers: int) -> Executor:
    """Make one's own."""
    return lw.Pool(n_workers)


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """In worker processes."""
    return lambda items: lw.parallel_map(function, items, executor="process", workers=n_workers()).values()


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map the items."""
    return lambda items: lw.parallel_map(function, items, workers=n_workers()).values()


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map with a policy, exceptions in the places of results."""
    retry = lw.Retry(attempts=3)
    return lambda items: lw.parallel_map(function, items, workers=n_workers(), retry=retry, return_exceptions=True)


def streamed(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Stream, as the results come."""

    def run(items: Any) -> Iterator[Any]:
        for result in lw.parallel_iter(function, items, workers=n_workers()):
            yield result.value

    return run


def limited(function: Callable[[Any], Any], spread: bool) -> Callable[..., Any]:
    """Map under a limit."""
    return lambda items: lw.parallel_map(
        function, items, workers=n_workers(), rate_limit=lw.RateLimit(RATE, burst=1 if spread else len(items))
    ).values()


def calls(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Stand behind joblib, as its backend, kept open between calls."""
    import joblib  # noqa: PLC0415 - not every question needs it

    from lightwork.integrations.joblib import register  # noqa: PLC0415

    register()
    parallel = joblib.Parallel(n_jobs=n_workers(), backend="lightwork").__enter__()
    task = joblib.delayed(function)
    return lambda items: parallel(task(item) for item in items)


def expression() -> Callable[..., Any]:
    """Fuse it."""
    fused = lw.fuse(lambda a, b: np.sqrt(a * a + b * b) * np.exp(-a) + a * b)
    return lambda a, b, out: fused(a, b, out=out)


def masked() -> Callable[..., Any]:
    """Call the ufunc's twin."""
    divide = on_every_core(np.divide)
    return lambda a, b, mask, out: divide(a, b, out=out, where=mask)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": reductions.sum,
    "max": reductions.max,
    "mean": moments.mean,
    "var": moments.var,
    "argmin": positions.argmin,
    "histogram": lambda array: counting.histogram(array, 100)[0],
    "bincount": counting.bincount,
    "sum(axis=0)": lambda array: reductions.sum(array, axis=0),
    "sum(axis=1)": lambda array: reductions.sum(array, axis=1),
}


def reduction(name: str) -> Callable[..., Any]:
    """Return lightwork's function of that name."""
    return REDUCTIONS[name]
