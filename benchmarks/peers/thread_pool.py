"""A ``ThreadPoolExecutor`` over slices cut by hand, one for each worker, as people write it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from benchmarks.peers import n_workers

IMPORT = "concurrent.futures"
CANNOT = {"limited": "has no rate limit"}
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


def divide_masked(a: Any, b: Any, mask: Any, out: Any) -> None:
    """Call NumPy's ufunc with a mask."""
    np.divide(a, b, out=out, where=mask)


def masked() -> Callable[..., Any]:
    """Submit it on slices."""
    return over_slices(divide_masked)


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map, which submits item by item."""
    return lambda items: list(POOL.map(function, items))


calls = over_items


def three_attempts(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return what people write where there are no retries."""

    def attempt(item: Any) -> Any:
        for attempts_left in (2, 1, 0):
            try:
                return function(item)
            except Exception as error:
                if not attempts_left:
                    return error
        raise AssertionError("the last attempt returns")

    return attempt


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map a wrapper written by hand."""
    return over_items(three_attempts(function))


def streamed(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own map again, which takes all items in before the first result is out."""
    return lambda items: POOL.map(function, items)


N_COUNTS = 1000  # that bincount has, to be added

#: What is called for each slice, and what is made of the results.
BY_SLICES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (np.sum, np.sum),
    "max": (np.max, np.max),
    "mean": (np.mean, np.mean),
    "bincount": (lambda part: np.bincount(part, minlength=N_COUNTS), lambda parts: np.sum(parts, axis=0)),
    "sum(axis=0)": (lambda part: np.sum(part, axis=0), lambda parts: np.sum(parts, axis=0)),
    "sum(axis=1)": (lambda part: np.sum(part, axis=1), np.concatenate),
}


def reduction(name: str) -> Callable[..., Any] | None:
    """Reduce slices, and then the results; slices are equally long, so a mean is that of means."""
    if name not in BY_SLICES:
        return None
    kernel, join = BY_SLICES[name]
    return lambda array: join([future.result() for future in [POOL.submit(kernel, array[part]) for part in slices(len(array))]])
