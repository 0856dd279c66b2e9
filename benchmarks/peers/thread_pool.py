"""A ``ThreadPoolExecutor`` over slices cut by hand, one for each worker, as people write it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from benchmarks.peers import n_workers

IMPORT = "concurrent.futures"
CANNOT: dict[str, str] = {}
POOL = ThreadPoolExecutor(n_workers())


def slices(n: int) -> Iterator[slice]:
    """Yield one contiguous slice for each worker."""
    for worker in range(n_workers()):
        yield slice(n * worker // n_workers(), n * (worker + 1) // n_workers())


def over_slices(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Submit one slice for each worker and wait."""

    def run(*operands: Any) -> None:
        parts = [[operand[part] for operand in operands] for part in slices(len(operands[0]))]
        for future in [POOL.submit(kernel, *part) for part in parts]:
            future.result()

    return run


def elementwise(name: str) -> Callable[..., Any]:
    """Submit NumPy's ufunc on slices."""
    return over_slices(getattr(np, name))


def nothing() -> None:
    """Do nothing."""


def pieces(n: int) -> Callable[[], Any]:
    """Submit one by one, then wait for all."""
    return lambda: wait([POOL.submit(nothing) for _ in range(n)])


def fork_join() -> Callable[[], Any]:
    """Submit once for each worker, then wait."""
    return pieces(n_workers())


def expression() -> Callable[..., Any]:
    """Submit NumPy's ufuncs on slices, those of a slice one after the other."""

    def kernel(a: Any, b: Any, out: Any) -> None:
        out[...] = np.sqrt(a * a + b * b) * np.exp(-a) + a * b

    return over_slices(kernel)
