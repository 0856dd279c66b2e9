"""On what machine a figure was measured, and how much of it was free at that moment."""

import hashlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from threading import Thread
from time import perf_counter

from benchmarks.peers import n_workers

BLOCK = bytes(8 << 20)
DISTRIBUTIONS = ("lightwork", "numpy", "joblib", "numexpr", "numba", "dask", "mpire", "pyarallel", "makeparallel")


def free_cores() -> float:
    """Return how many cores did work at once just now: hashing one block alone, against one in each of ``n_workers()`` threads."""
    samples = [(hash_together(1), hash_together(n_workers())) for _ in range(3)]
    return n_workers() * sum(alone for alone, _ in samples) / sum(together for _, together in samples)


def hash_together(n_threads: int) -> float:
    """Return the seconds that as many threads take for one block each; hashing releases the GIL."""
    threads = [Thread(target=hashlib.sha256, args=(BLOCK,)) for _ in range(n_threads)]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return perf_counter() - began


def cpu_model() -> str:
    """Return the processor's name as Linux tells it, or as Python does."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def gil_state() -> str:
    """Return whether threads of this interpreter run Python one at a time."""
    is_enabled = getattr(sys, "_is_gil_enabled", lambda: True)
    return "GIL on" if is_enabled() else "GIL off"


def version(distribution: str) -> str:
    """Return an installed version, or that there is none."""
    try:
        return f"{distribution} {metadata.version(distribution)}"
    except metadata.PackageNotFoundError:
        return f"{distribution} not installed"


def describe() -> list[str]:
    """Return what a reader has to know of the machine, a line each."""
    return [
        f"{cpu_model()}, {n_workers()} of {os.cpu_count()} CPUs usable, {platform.system()}",
        f"{platform.python_implementation()} {platform.python_version()}, {gil_state()}",
        ", ".join(map(version, DISTRIBUTIONS)),
    ]
