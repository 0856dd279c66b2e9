"""How near do reductions of ten million numbers, and NumPy's own, come to merely reading them, by as many plain threads?"""

from collections.abc import Callable, Iterator
from math import inf
from threading import Thread
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, Pair, check, seconds_per_call, times
from benchmarks._probe import load_probe
from benchmarks.bench_reductions import NUMPY, operand
from benchmarks.peers import LIGHTWORK, RIVALS, n_workers

MEASURE = Measure("time ÷ a read of the array", lambda seconds, partner: times(seconds / partner))
NEEDS = "reduction"
#: How many times as long as a read of the array each may take. A speed-up over NumPy is at most NumPy's own time over a read.
TARGETS = dict.fromkeys(("sum", "max", "mean", "argmin", "sum(axis=0)", "sum(axis=1)"), 1.1)
NUMPYS = {f"{line} by NumPy": line for line in TARGETS}
LINES = (*TARGETS, *NUMPYS)
CALLS = 4  # in a row, so that starting threads vanishes


def cases(peer: ModuleType) -> Iterator[Case]:
    """One line for each function that the contender has, and with lightwork's NumPy's own."""
    for line in TARGETS:
        run = peer.reduction(line)
        if run is not None:
            yield case(line, line, run)
    if peer.__name__.endswith(LIGHTWORK):
        for title, line in NUMPYS.items():
            yield case(title, line, NUMPY[line])


def case(title: str, line: str, run: Callable[..., Any]) -> Case:
    """Check the result, then time both."""
    array = operand(line)
    read = load_probe().read
    bits = check(np.asarray(run(array)), np.asarray(NUMPY[line](array)))

    def pair() -> Pair:
        return seconds_per_call(lambda: run(array), CALLS), read_by_threads(read, array.ravel())

    return Case(title, pair, bits)


def read_by_threads(read: Callable[[Any, int], int], array: Any) -> float:
    """Return the seconds in which each thread reads its part once."""
    threads = [Thread(target=read, args=(part, CALLS)) for part in np.array_split(array, n_workers())]
    began = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (perf_counter() - began) / CALLS


def limit(figure: Figure) -> float:
    """Return the seconds that a line may take; NumPy may take any."""
    return TARGETS.get(figure.line, inf) * figure.partner


@pytest.mark.parametrize("line", TARGETS)
def test_reductions_are_bound_by_memory(line: str, measured: Figures) -> None:
    """What is computed hides behind what is read."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", RIVALS)
@pytest.mark.parametrize("line", TARGETS)
def test_nobody_is_ahead(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer gets nearer."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
