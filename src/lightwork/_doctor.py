"""``python -m lightwork doctor``: what lightwork sees of this machine, and what it chose.

Nothing here is guessed: the cut-offs come from calls that are timed now, by the default pool and with its own decisions.
"""

import argparse
import importlib
import math
import platform
import sysconfig
from collections.abc import Iterable, Iterator

import numpy as np

import lightwork
from lightwork._core.loop import measured_loops
from lightwork._core.sharing import thresholds
from lightwork._core.statistics import WorkerStatistics
from lightwork._core.summation import order_name
from lightwork._cpus import Quota, budget
from lightwork._gil import has_gil

Rows = Iterable[tuple[str, str]]

N_ITEMS = 200_000  # for each call that is timed: 0.1 to 4 ms, long enough to be shared, short enough to wait for
N_CALLS = 5  # the first ones wake the pool and touch new memory

UFUNCS = (np.add, np.sqrt, np.exp, np.sin, np.log1p, np.arctan2)


# --- The machine ----------------------------------------------------------------------------------------------------


def quota_text(quota: Quota | None) -> str:
    """Return a quota in CPUs, and where it stands."""
    return f"{quota.runtime / quota.period:.3g} CPUs, by {quota.path}" if quota else "none"


def budget_rows() -> Rows:
    """Yield the budget and the limits that it was made from."""
    found = budget(refresh=True)
    yield "budget", f"{found.cpus}, because {found.reason}"
    yield "affinity", str(found.affinity)
    yield "cgroup quota", quota_text(found.quota)
    yield "override", f"{found.override.cpus}, by {found.override.source}" if found.override else "none"


def gil_text(can_be_off: bool, is_on: bool) -> str:
    """Return the state of the GIL, and what it means that it is on where it need not be."""
    if not can_be_off:
        return "on, as always in this build of Python"
    return "on, although this build can do without; see PYTHON_GIL, -X gil, or a module that asked for it" if is_on else "off"


def python_rows() -> Rows:
    """Yield the interpreter, its build and the state of its GIL."""
    is_on = has_gil()
    yield "version", f"{platform.python_implementation()} {platform.python_version()}"
    yield "build", f"{' '.join(platform.python_build())}, {platform.python_compiler()}"
    yield "platform", platform.platform()
    yield "GIL", gil_text(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), is_on)


def features_text(names: Iterable[str]) -> str:
    """Return CPU features in one line."""
    return " ".join(names) or "none"


def numpy_rows() -> Rows:
    """Yield NumPy's version and the instructions its loops use here."""
    simd = np.show_config(mode="dicts").get("SIMD Extensions", {})  # without the lists that are empty
    yield "version", np.__version__
    yield "compiled for", features_text(simd.get("baseline", []))
    yield "uses here, too", features_text(simd.get("found", []))
    yield "not on this CPU", features_text(simd.get("not found", []))
    yield "buffer", f"{np.getbufsize()} items are cast at a time"


def blas_rows() -> Rows:
    """Yield the BLAS libraries that are loaded, and how many threads each starts by itself."""
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        yield "threads", "unknown; install threadpoolctl to see them"
        return
    libraries = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    for library in libraries:
        yield library["internal_api"], f"{library['version']}, {library['num_threads']} threads"
    if not libraries:
        yield "threads", "no library that threadpoolctl knows is loaded"


# --- What was chosen ------------------------------------------------------------------------------------------------


def calibrate() -> None:
    """Time some ufuncs on the default pool, as any call does by the way."""
    array = np.linspace(0.5, 1.5, N_ITEMS)
    out = np.empty_like(array)
    for ufunc in UFUNCS:
        for _ in range(N_CALLS):
            lightwork.chunked_map(ufunc, *[array] * ufunc.nin, out=out)


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield lines of columns, the first of them aligned to the left."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        yield "  ".join([f"{first:<{widths[0]}}", *(f"{text:>{width}}" for text, width in zip(others, widths[1:], strict=True))])


def worker_row(worker: WorkerStatistics) -> tuple[str, ...]:
    """Return what one worker has done, as the columns of a table."""
    counts = (worker.index, worker.chunks, worker.stolen, worker.jobs, worker.tasks, worker.parks, worker.wakeups)
    return (*map(str, counts), f"{1e3 * worker.busy_seconds:.1f}", f"{1e3 * worker.idle_seconds:.1f}")


def pool_lines() -> Iterator[str]:
    """Yield how many workers there are, and what each has done."""
    statistics = lightwork.statistics()
    yield f"workers for a call that does not say how many: {statistics.n_workers}, the calling thread included"
    yield f"threads started: {statistics.n_threads}"
    header = ("worker", "chunks", "stolen", "jobs", "tasks", "parks", "wake-ups", "busy ms", "idle ms")
    yield from table(header, map(worker_row, statistics.workers))


def cutoff_lines() -> Iterator[str]:
    """Yield from which size on a call is shared, for each function that was timed."""
    if lightwork.statistics().n_workers == 1:
        yield "no call is shared: there is one worker"
        return
    limits = thresholds()
    warm, cold = limits["warm_ns"], limits["cold_ns"]
    yield f"a call is shared that takes {warm / 1e3:g} us alone, or {cold / 1e3:g} us if all other workers sleep"
    yield f"in chunks of {limits['chunk_ns'] / 1e3:g} us"
    rows = [
        (f"{name} ({', '.join(map(str, dtypes))})", f"{cost:.2f}", str(math.ceil(warm / cost)), str(math.ceil(cold / cost)))
        for name, dtypes, cost in measured_loops()
    ]
    yield from table(("function", "ns an item", "shared from items", "asleep, from items"), rows)


def order_lines() -> Iterator[str]:
    """Yield in which order NumPy adds, and what it means for dtypes of which that is not known."""
    orders = {np.dtype(char).name: order_name(np.dtype(char)) for char in "fdgFDG"}
    for name, order in orders.items():
        yield f"{name:<12} {order if order != 'other' else 'not known: NumPy itself adds all items of such arrays, on one core'}"


# --- The report -----------------------------------------------------------------------------------------------------


def aligned(rows: Rows) -> Iterator[str]:
    """Yield a line for each name and what is said of it."""
    return (f"{name:<16} {text}" for name, text in rows)


def report() -> Iterator[str]:
    """Yield the report's lines."""
    yield f"lightwork {lightwork.__version__}"
    sections = {
        "CPUs": aligned(budget_rows()),
        "Python": aligned(python_rows()),
        "NumPy": aligned(numpy_rows()),
        "BLAS": aligned(blas_rows()),
        "Default pool, after the calls that were timed for the cut-offs below": pool_lines(),
        "Cut-offs": cutoff_lines(),
        "Order in which NumPy adds": order_lines(),
    }
    for title, lines in sections.items():
        yield f"\n{title}"
        yield from (f"  {line}" for line in lines)


def main(argv: list[str]) -> int:
    """Time a few calls, print the report, and return 0."""
    argparse.ArgumentParser(prog="python -m lightwork doctor", description=__doc__).parse_args(argv)
    calibrate()
    for line in report():
        print(line)
    return 0
