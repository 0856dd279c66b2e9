"""lightwork itself, with nothing tuned. Its jobs and chunks have no Python in them, so ``probe.pyx`` times those in C."""

from collections.abc import Callable
from typing import Any

import numpy as np
from lightwork._core.items import map_items

import lightwork as lw
from benchmarks.peers import n_workers
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


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map the items inside the core, where `parallel_map` without policies runs them."""
    return lambda items: map_items(function, items, n_workers=n_workers()).values


def expression() -> Callable[..., Any]:
    """Fuse it."""
    fused = lw.fuse(lambda a, b: np.sqrt(a * a + b * b) * np.exp(-a) + a * b)
    return lambda a, b, out: fused(a, b, out=out)


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
