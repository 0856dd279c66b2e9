"""Numba: a loop over the array with ``prange``, compiled before it is measured."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks.peers import n_workers

IMPORT = "numba"
CANNOT = {
    "pieces": "hands out one share for each worker, no pieces",
    "over_slices": "compiles its loops, and calls no function over slices",
}

numba.set_num_threads(n_workers())


def elementwise(name: str) -> Callable[..., Any]:
    """Compile the loop for one or two operands."""
    function = getattr(np, name)

    @numba.njit(parallel=True)
    def unary(a: Any, out: Any) -> None:
        for i in numba.prange(a.size):
            out[i] = function(a[i])

    @numba.njit(parallel=True)
    def binary(a: Any, b: Any, out: Any) -> None:
        for i in numba.prange(a.size):
            out[i] = function(a[i], b[i])

    return unary if getattr(np, name).nin == 1 else binary


def fork_join() -> Callable[[], Any]:
    """Store a byte on each worker, or the compiler would drop the loop."""
    touched = np.zeros(n_workers(), np.uint8)

    @numba.njit(parallel=True)
    def touch(touched: Any) -> None:
        for i in numba.prange(touched.size):
            touched[i] = 1

    return lambda: touch(touched)


def expression() -> Callable[..., Any]:
    """Compile the loop over it."""

    @numba.njit(parallel=True)
    def run(a: Any, b: Any, out: Any) -> None:
        for i in numba.prange(a.size):
            out[i] = np.sqrt(a[i] * a[i] + b[i] * b[i]) * np.exp(-a[i]) + a[i] * b[i]

    return run


def masked() -> Callable[..., Any]:
    """Compile the loop with a branch in it."""

    @numba.njit(parallel=True)
    def run(a: Any, b: Any, mask: Any, out: Any) -> None:
        for i in numba.prange(a.size):
            if mask[i]:
                out[i] = a[i] / b[i]

    return run


def reduction(name: str) -> Callable[..., Any] | None:
    """Compile a loop that ``prange`` reduces: a sum or a maximum."""

    @numba.njit(parallel=True)
    def total(a: Any) -> Any:
        result = 0.0
        for i in numba.prange(a.size):
            result += a[i]
        return result

    @numba.njit(parallel=True)
    def largest(a: Any) -> Any:
        result = -np.inf
        for i in numba.prange(a.size):
            result = max(result, a[i])
        return result

    return {"sum": total, "max": largest, "mean": lambda a: total(a) / a.size}.get(name)
