"""joblib with its threading backend, kept open between calls, one slice for each worker."""

from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from benchmarks.peers import n_workers
from benchmarks.peers.thread_pool import BY_SLICES, divide_masked, nothing, slices, three_attempts

IMPORT = "joblib"
CANNOT = {"limited": "has no rate limit"}

PARALLEL = Parallel(n_jobs=n_workers(), backend="threading").__enter__()


def over_slices(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Hand out one slice for each worker."""
    task = delayed(kernel)
    return lambda *operands: PARALLEL(task(*[operand[part] for operand in operands]) for part in slices(len(operands[0])))


def elementwise(name: str) -> Callable[..., Any]:
    """Hand out NumPy's ufunc on slices."""
    return over_slices(getattr(np, name))


def pieces(n: int) -> Callable[[], Any]:
    """Hand out one by one; joblib batches threads' work by itself if it wants to."""
    return lambda: PARALLEL(delayed(nothing)() for _ in range(n))


def over_items(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Hand out items, in batches of its own choice."""
    task = delayed(function)
    return lambda items: PARALLEL(task(item) for item in items)


calls = over_items


def retried(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Hand out a wrapper written by hand."""
    return over_items(three_attempts(function))


def streamed(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its generator, which takes a new object for each stream."""
    task = delayed(function)
    return lambda items: Parallel(n_jobs=n_workers(), backend="threading", return_as="generator_unordered")(task(item) for item in items)


def fork_join() -> Callable[[], Any]:
    """Hand out once for each worker."""
    return pieces(n_workers())


def expression() -> Callable[..., Any]:
    """Hand out the same kernel as the thread pool."""

    def kernel(a: Any, b: Any, out: Any) -> None:
        out[...] = np.sqrt(a * a + b * b) * np.exp(-a) + a * b

    return over_slices(kernel)


def masked() -> Callable[..., Any]:
    """Hand out the same kernel as the thread pool."""
    return over_slices(divide_masked)


def reduction(name: str) -> Callable[..., Any] | None:
    """Reduce one slice for each worker, and then the results."""
    if name not in BY_SLICES:
        return None
    kernel, join = BY_SLICES[name]
    task = delayed(kernel)
    return lambda array: join(PARALLEL(task(array[part]) for part in slices(len(array))))
