"""dask.array on its threaded scheduler, one block for each worker, stored into the given output."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers import n_workers
from benchmarks.peers.thread_pool import N_COUNTS, nothing

IMPORT = "dask.array"
CANNOT = {"masked": "makes new arrays, and leaves no part of one as it is"}

# Half of what dask offers has types, and half of it none.
dask: Any = import_module("dask")
da: Any = import_module("dask.array")

dask.config.set(scheduler="threads", num_workers=n_workers())


def blocks(array: Any) -> Any:
    """Wrap an array without hashing its content."""
    return da.from_array(array, chunks=-(-len(array) // n_workers()), name=False)


def elementwise(name: str) -> Callable[..., Any]:
    """Build the graph, as every call of a user does, and store its result."""
    function = getattr(da, name)

    def run(*operands: Any) -> None:
        *arrays, out = operands
        da.store(function(*map(blocks, arrays)), out, lock=False)

    return run


def over_slices(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Map the kernel over blocks; dask wants a new array from each."""

    def new_part(part: Any) -> Any:
        out = np.empty_like(part)
        kernel(part, out)
        return out

    return lambda array, out: da.store(blocks(array).map_blocks(new_part, dtype=array.dtype), out, lock=False)


def pieces(n: int) -> Callable[[], Any]:
    """Compute delayed calls, one task each."""
    return lambda: dask.compute(*[dask.delayed(nothing)() for _ in range(n)])


def fork_join() -> Callable[[], Any]:
    """Compute one delayed call for each worker."""
    return pieces(n_workers())


def expression() -> Callable[..., Any]:
    """Build its graph with every call, as users do."""

    def run(a: Any, b: Any, out: Any) -> None:
        a, b = blocks(a), blocks(b)
        da.store(da.sqrt(a * a + b * b) * da.exp(-a) + a * b, out, lock=False)

    return run


def reduction(name: str) -> Callable[..., Any] | None:
    """Build the graph of a reduction, as every call of a user does, and compute it."""
    function, _, axis = name.partition("(axis=")
    if function == "histogram":
        return None  # it wants to be told the range
    keywords: dict[str, Any] = {"axis": int(axis[0])} if axis else {"axis": 0} if function == "argmin" else {}
    if function == "bincount":
        keywords = {"minlength": N_COUNTS}
    return lambda array: getattr(da, function)(blocks(array), **keywords).compute()
