"""The contenders, each a module of the same shape.

``far_chunks(kernel)``
    Returns ``f(array)``, which calls ``kernel(part)`` for each row of an array in other processes, and joins what it returns.

``elementwise(name)``
    Returns ``f(*arrays, out)``, which computes NumPy's ufunc of that name over contiguous float64 arrays.
``fork_join()``
    Returns a function that does nothing on every worker and waits until it is done.
``pieces(n)``
    Returns a function that runs ``n`` pieces of work which do nothing, each handed out on its own, and waits for them.
``over_slices(kernel)``
    Returns ``f(array, out)``, which covers the arrays by calls ``kernel(part, out_part)``; the kernel releases the GIL.
``expression()``
    Returns ``f(a, b, out)``, which computes ``sqrt(a*a + b*b)*exp(-a) + a*b`` over contiguous float64 arrays.

``masked()``
    Returns ``f(a, b, mask, out)``, which divides contiguous float64 arrays where the mask has it, and leaves the rest of `out` as it is.
``reduction(name)``
    Returns ``f(array)``, which reduces an array as NumPy's function of that name does, or None where there is no such thing.
``over_items(function)``
    Returns ``f(items)``, which calls a Python function for each item of a list, and returns the results in their order.
``over_processes(function)``
    The same in worker processes.
``retried(function)``
    As ``over_items``, with three attempts for an item that fails, and its last exception in the place of a result.
``streamed(function)``
    Returns ``f(items)``, which takes any iterable, and yields the results as they come or in their order, whatever is quicker.
``limited(function, spread)``
    As ``over_items``, under a rate limit so high that nobody waits, which lets items start all at once, or spreads them.

``calls(function)``
    As ``over_items``, with each item a call that is handed over by the executor's interface or by joblib's, whatever the contender stands behind.
``pool(n_workers)``
    Returns a ``concurrent.futures.Executor``.

Some take arrays and some take items, and those that take items may lack some of the last three. What a contender cannot do it says in ``CANNOT``, a
mapping from the function's name to the reason. ``IMPORT`` is what users import.
"""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

LIGHTWORK = "lightwork_map"

#: Modules of this folder, and how tables call them.
NAMES = {
    LIGHTWORK: "lightwork",
    "lightwork_pool": "lightwork.Pool",
    "thread_pool": "ThreadPoolExecutor",
    "joblib_threading": "joblib threading",
    "numexpr_threads": "numexpr",
    "numba_parallel": "Numba prange",
    "dask_array": "dask.array",
    "multiprocessing_threads": "ThreadPool",
    "mpire_threading": "mpire threading",
    "pyarallel_threads": "pyarallel",
    "makeparallel_threads": "makeParallel",
    "dask_bag": "dask.bag",
    "process_executor": "ProcessPoolExecutor",
    "multiprocessing_pool": "multiprocessing.Pool",
    "loky_executor": "loky, chunked",
    "joblib_loky": "joblib loky",
    "mpire_processes": "mpire",
}
RIVALS = ("thread_pool", "joblib_threading", "numexpr_threads", "numba_parallel", "dask_array")
ITEM_RIVALS = (
    "thread_pool",
    "multiprocessing_threads",
    "joblib_threading",
    "mpire_threading",
    "pyarallel_threads",
    "makeparallel_threads",
    "dask_bag",
)
CHUNK_RIVALS = ("multiprocessing_pool", "joblib_loky")
PROCESS_RIVALS = ("process_executor", "multiprocessing_pool", "loky_executor", "joblib_loky", "mpire_processes")
CALL_RIVALS = ("thread_pool", "joblib_threading")

RATE = 1e7  # items a second, of a rate limit that nobody reaches


def contenders(needs: str) -> tuple[str, ...]:
    """Return who is asked for such a function, lightwork first."""
    if needs == "calls":
        return (LIGHTWORK, "lightwork_pool", *CALL_RIVALS)
    if needs == "far_chunks":
        return (LIGHTWORK, *CHUNK_RIVALS)
    if needs == "over_processes":
        return (LIGHTWORK, *PROCESS_RIVALS)
    if needs == "pool":
        return (LIGHTWORK,)
    return (LIGHTWORK, *(ITEM_RIVALS if needs in ("over_items", "streamed") else RIVALS))


def calls_of(peer: str) -> Callable[..., Any]:
    """Return a contender's ``calls``, for who wants it beside another's in one process."""
    calls: Callable[..., Any] = import_module(f"benchmarks.peers.{peer}").calls
    return calls


def n_workers() -> int:
    """Return how many workers every contender gets: one for each CPU that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
