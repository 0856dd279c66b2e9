"""What do worker processes gain for pure Python, what does a call cost whose workers are there already, and what do arrays cost?"""

from collections.abc import Callable, Iterator
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Floats, Measure, times
from benchmarks.bench_items import iterations, nothing, squares
from benchmarks.peers import LIGHTWORK, PROCESS_RIVALS, n_workers

MEASURE = Measure("time ÷ built-in map", lambda seconds, partner: times(seconds / partner))
NEEDS = "over_processes"
PYTHON, FEW, MANY, ARRAYS = LINES = (
    "4 000 items of pure Python, 160 µs",
    "8 items, nothing to do: a second call",
    "20 000 items, nothing to do",
    "32 arrays of 4 MB, their sums",
)
EFFICIENCY = 0.95
BLINK = 5e-3  # seconds that a second call may take, however few its items


def cases(peer: ModuleType) -> Iterator[Case]:
    """The same functions for everyone, over lists, in workers that are there."""
    yield case(PYTHON, peer, squares, [iterations(160e-6)] * 4_000, 5)
    yield case(FEW, peer, nothing, list(range(8)), 101)
    yield case(MANY, peer, nothing, list(range(20_000)), 9)
    yield case(ARRAYS, peer, total, [np.full(500_000, float(number)) for number in range(32)], 21)


def total(array: Floats) -> float:
    """Little work for many bytes."""
    return float(array.sum())


def case(line: str, peer: ModuleType, function: Callable[[Any], Any], items: list[Any], n_pairs: int) -> Case:
    """Check the results, which are the built-in's."""
    run = peer.over_processes(function)
    expected = list(map(function, items))
    return Case(line, lambda: (seconds(lambda: run(items)), seconds(lambda: list(map(function, items)))), list(run(items)) == expected, n_pairs)


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes: the built-in's is over too soon for bursts of both."""
    began = perf_counter()
    call()
    return perf_counter() - began


def limit(figure: Figure) -> float:
    """As designed; nobody would send items abroad that do nothing."""
    if figure.line == PYTHON:
        return figure.partner / (EFFICIENCY * n_workers())
    return figure.partner + BLINK if figure.line == FEW else float("inf")


@pytest.mark.parametrize("line", [PYTHON, FEW])
def test_processes_cost_what_was_promised(line: str, measured: Figures) -> None:
    """All cores, less a twentieth; and some milliseconds where there is nothing to do."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("line", [PYTHON, ARRAYS])
@pytest.mark.parametrize("peer", PROCESS_RIVALS)
def test_nobody_is_done_sooner_in_processes(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer takes less time over the same items."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
