"""By how much does the memory of a process grow while items are streamed faster than they are read?"""

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure
from benchmarks.peers import ITEM_RIVALS, LIGHTWORK

MEASURE = Measure("growth in MB (÷ before)", lambda growth, before: f"{growth:.1f} ({growth / before:.2f})")
NEEDS = "streamed"
PAUSED, READ = LINES = ("1 000 results read, then none for two seconds", "a million items, 1 000 results read every 5 ms")
N, BLOCK = 1_000_000, 1_000
PAUSE, NAP = 2.0, 5e-3  # seconds between results, once, and after every block
PATIENCE = 20.0  # seconds after which the source ends, for contenders that would take minutes,
MOST = 500.0  # or megabytes, for those that would take all there is
MEGABYTES = 10.0


def cases(peer: ModuleType) -> Iterator[Case]:
    """Measure once, here: a second time, what the first has freed would be used again."""
    stream = peer.streamed(str)
    before = resident()
    yield case(PAUSED, paused(stream), before)
    yield case(READ, read_slowly(stream), before)


def case(line: str, grown: tuple[float, int, bool], before: float) -> Case:
    """Return what is known already."""
    most, n_items, is_right = grown
    return Case(line, lambda: (most - before, before), is_right, n_pairs=1, details={"n_items": n_items})


def resident() -> float:
    """Return the megabytes of memory that this process has, as Linux tells it."""
    n_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return n_pages * resource.getpagesize() / 1e6


class Source:
    """Gives numbers, as many as are asked for, for a while."""

    def __init__(self) -> None:
        self.n_given = 0
        self._n_items = N
        self._ends = time.monotonic() + PATIENCE

    def __iter__(self) -> Iterator[int]:
        while self.n_given < self._n_items:
            if self.n_given % BLOCK == 0 and (time.monotonic() > self._ends or resident() > MOST):
                break
            self.n_given += 1
            yield self.n_given - 1

    def end(self) -> None:
        """Give no more."""
        self._n_items = 0


def paused(stream: Callable[[Any], Iterator[Any]]) -> tuple[float, int, bool]:
    """Return how much memory there is after the pause, how many items were taken by then, and whether the results were among them."""
    source = Source()
    results = iter(stream(source))
    first = [next(results) for _ in range(BLOCK)]
    time.sleep(PAUSE)
    most, n_taken = resident(), source.n_given
    source.end()
    return most, n_taken, {int(result) for result in first} <= set(range(n_taken))


def read_slowly(stream: Callable[[Any], Iterator[Any]]) -> tuple[float, int, bool]:
    """Return the most memory that there was at a time, how many items there were, and whether each had its result."""
    source = Source()
    most, n_read, total = resident(), 0, 0
    for result in stream(source):
        n_read += 1
        total += int(result)
        if n_read % BLOCK == 0:
            time.sleep(NAP)
            most = max(most, resident())
    return most, n_read, total == n_read * (n_read - 1) // 2


def limit(_: Figure) -> float:
    """Ten megabytes, however many items there are."""
    return MEGABYTES


@pytest.mark.parametrize("line", LINES)
def test_memory_does_not_grow_with_the_number_of_items(line: str, measured: Figures) -> None:
    """What waits to be read keeps other items out."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", ITEM_RIVALS)
@pytest.mark.parametrize("line", LINES)
def test_how_others_grow(peer: str, line: str, measured: Figures) -> None:
    """Peers are here to be seen: one that reads ahead less may grow less."""
    assert measured(peer, line).bits
