"""What does ``executor="auto"`` choose, and how long does it take beside the calling thread, threads and worker processes?

``python -m benchmarks.bench_auto`` prints the table; the ways are taken by turns, and the medians are compared. Processes are warm but in the last
rows, where `auto` finds none.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pytest

import lightwork as lw
from benchmarks._harness import MARGIN

WAYS = ("serial", "thread", "process", "auto")
SLOWER = 1.1  # than the calling thread, which no choice may be
LOOK_SECONDS = 2e-3  # that looking may take besides, in short runs
N_TURNS = 5


class Work(NamedTuple):
    """A function, and how many of what items it is called for."""

    line: str
    function: Callable[[Any], Any]
    item: Any
    n_items: int


def nothing(item: Any) -> Any:
    """Return the item."""
    return item


def compute(n: int) -> int:
    """Hold the GIL."""
    total = 0
    for i in range(n):
        total += i
    return total


def digest(block: bytes) -> bytes:
    """Let go of the GIL."""
    return hashlib.sha256(block).digest()


def root(array: Any) -> float:
    """Make a large array, and add it up."""
    return float(np.sqrt(array).sum())


def wait(seconds: float) -> float:
    """Wait as for a network."""
    time.sleep(seconds)
    return seconds


def loops_in(seconds: float) -> int:
    """Return how far to count for so long."""
    began = perf_counter()
    compute(200_000)
    return max(int(200_000 * seconds / (perf_counter() - began)), 1)


def works() -> Iterator[Work]:
    """Short and long lists of each kind."""
    block, array = bytes(1_000_000), np.ones(1_000_000)
    for n_items in (10, 100_000):
        yield Work(f"{n_items} x nothing", nothing, 1, n_items)
    for seconds, sizes in ((10e-6, (100, 50_000)), (160e-6, (50, 5_000)), (1e-3, (20, 1_000))):
        for n_items in sizes:
            yield Work(f"{n_items} x Python of {1e6 * seconds:.0f} µs", compute, loops_in(seconds), n_items)
    for n_items in (10, 500):
        yield Work(f"{n_items} x hash of 1 MB", digest, block, n_items)
        yield Work(f"{n_items} x NumPy on 8 MB", root, array, n_items)
    for seconds, n_items in ((1e-3, 10), (1e-3, 300), (100e-3, 10)):
        yield Work(f"{n_items} x sleep of {1e3 * seconds:.0f} ms", wait, seconds, n_items)


class Row(NamedTuple):
    """Seconds by each way, and what was chosen."""

    line: str
    seconds: dict[str, float]
    choices: list[str]

    @property
    def is_reached(self) -> bool:
        """Whether `auto` was not slower than the calling thread."""
        return self.seconds["auto"] <= MARGIN * SLOWER * self.seconds["serial"] + LOOK_SECONDS

    def __str__(self) -> str:
        times = " | ".join(f"{1e3 * self.seconds[way]:.1f}" if way in self.seconds else "" for way in WAYS)
        return f"| {self.line} | {times} | {self.seconds['auto'] / self.seconds['serial']:.2f} | {', '.join(sorted(set(self.choices)))} |"


def timed(work: Work, way: Any) -> tuple[float, str]:
    """Return the seconds of one run, and what was chosen."""
    began = perf_counter()
    result = lw.parallel_map(work.function, [work.item] * work.n_items, executor=way)
    seconds = perf_counter() - began
    result.raise_on_failure()
    return seconds, "" if result.decision is None else result.decision.choice


def row(work: Work, ways: tuple[str, ...] = WAYS) -> Row:
    """Run by each way in turn."""
    for way in ways:
        timed(work, way)
    turns = [{way: timed(work, way) for way in ways} for _ in range(N_TURNS)]
    return Row(work.line, {way: median(turn[way][0] for turn in turns) for way in ways}, [turn["auto"][1] for turn in turns])


def cold_row(work: Work) -> Row:
    """Do the same without processes, as none are there before each run."""
    turns = []
    for _ in range(3):
        lw.shutdown(timeout=60)
        turns.append({way: timed(work, way) for way in ("serial", "thread", "auto")})
    seconds = {way: median(turn[way][0] for turn in turns) for way in ("serial", "thread", "auto")}
    return Row(f"{work.line}, no process yet", seconds, [turn["auto"][1] for turn in turns])


def cold_works() -> Iterator[Work]:
    """Python that does not pay for a start, and Python that does."""
    for n_items in (20, 5_000):
        yield Work(f"{n_items} x Python of 1000 µs", compute, loops_in(1e-3), n_items)


@pytest.mark.parametrize("work", works(), ids=lambda work: work.line)
def test_auto_is_never_slower_than_the_caller(work: Work) -> None:
    """By more than a tenth, and the look."""
    assert row(work, ("serial", "auto")).is_reached


if __name__ == "__main__":
    sys.stdout.write("| work | serial, ms | threads | processes | auto | auto ÷ serial | chosen |\n|:--|--:|--:|--:|--:|--:|:--|\n")
    for rows, make in ((works(), row), (cold_works(), cold_row)):
        for each in rows:
            sys.stdout.write(f"{make(each)}\n")
            sys.stdout.flush()
