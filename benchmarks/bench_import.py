"""What does importing lightwork add to importing NumPy, and does it start a thread?"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, Pair, times
from benchmarks.peers import LIGHTWORK

MEASURE = Measure("time (÷ import numpy)", lambda seconds, partner: f"{seconds * 1e3:.1f} ms ({times(seconds / partner)})")
NEEDS = "import"
LINES = ("import, after NumPy's",)

#: Where there is no /proc, threads that C started are not seen.
SCRIPT = """
import json, os, sys, threading, time
def n_threads():
    return len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else threading.active_count()
began = time.perf_counter()
import numpy
numpy_there, before = time.perf_counter(), n_threads()
import {module}
print(json.dumps([time.perf_counter() - numpy_there, numpy_there - began, n_threads() - before]))
"""


def cases(peer: ModuleType) -> Iterator[Case]:
    """One fresh interpreter for each repetition."""
    _, _, threads_started = import_once(peer.IMPORT)
    yield Case(LINES[0], lambda: import_pair(peer.IMPORT), details={"threads_started": threads_started})


def import_once(module: str) -> list[float]:
    """
    Return the seconds of the module, those of NumPy before it, and how many threads the module started.

    The first call leaves bytecode for the others, as an installer does: where Python may not write any, a clone would be compiled each time.
    """
    command = [sys.executable, "-c", SCRIPT.format(module=module)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds: list[float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout)
    return seconds


def import_pair(module: str) -> Pair:
    """Return the two times."""
    over_numpy, numpy, _ = import_once(module)
    return over_numpy, numpy


def limit(_: Figure) -> float:
    """Thirty milliseconds."""
    return 30e-3


def test_import_adds_little_to_numpys(measured: Figures) -> None:
    """Importing lightwork takes less than a third of NumPy's own time, and starts no thread."""
    figure = measured(LIGHTWORK, LINES[0])
    assert figure.ratio <= MARGIN / 3
    assert figure.details["threads_started"] == 0
