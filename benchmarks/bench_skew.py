"""How well is work balanced whose cost lies, a hundred to one, in the first twentieth of the range?"""

from collections.abc import Callable, Iterator
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Floats, Measure, Pair, check, times
from benchmarks._probe import load_probe
from benchmarks.peers import LIGHTWORK, RIVALS, n_workers
from benchmarks.steal_model import front_loaded

MEASURE = Measure("efficiency: serial ÷ (workers x time)", lambda s, p: times(p / (n_workers() * s)), "≥")
NEEDS = "over_slices"
KERNEL, C_FUNCTION, BODY = LINES = ("a function over slices", "a C function of one element", "a Cython body, parallel_for")
N = 1_000_000
STEPS = 4  # of the cheap elements' kernel; the dear ones' takes a hundred times as many

Call = Callable[[Floats, Floats], Any]


def cases(peer: ModuleType) -> Iterator[Case]:
    """The same kernel for everyone, in chunks of each contender's own choice."""
    probe = load_probe()
    costs = np.where(np.arange(N) < N // 20, 100.0 * STEPS, STEPS)
    yield case(KERNEL, peer.over_slices(probe.burn_slice), probe, costs)
    if peer.IMPORT == "lightwork":
        burn = probe.__pyx_capi__["burn"]
        yield case(C_FUNCTION, lambda costs, out: peer.lw.chunked_map(burn, costs, out=out), probe, costs)
        yield case(BODY, lambda costs, out: probe.burn_parallel(costs, out, 0), probe, costs)


def case(line: str, run: Call, probe: Any, costs: Floats) -> Case:
    """Check the result, and see into how many chunks lightwork cuts the range once it has learned what an element costs."""
    out, expected = np.empty_like(costs), np.empty_like(costs)
    probe.burn_slice(costs, expected)
    run(costs, out)
    before = probe.count_chunks()
    run(costs, out)
    n_chunks = probe.count_chunks() - before
    details = {"n_chunks": n_chunks, "dearest_chunk": front_loaded(1 / n_chunks)} if n_chunks else {}
    return Case(line, lambda: pair(run, probe, costs, out), check(out, expected), details=details)


def pair(run: Call, probe: Any, costs: Floats, out: Floats) -> Pair:
    """Time a contender, then one thread."""
    began = perf_counter()
    run(costs, out)
    middle = perf_counter()
    probe.burn_slice(costs, out)
    return middle - began, perf_counter() - middle


def limit(figure: Figure) -> float:
    """A quarter more than the ideal, and the dearest chunk."""
    return figure.partner * (1.25 / n_workers() + figure.details["dearest_chunk"])


@pytest.mark.parametrize("line", LINES)
def test_uneven_work_ends_within_a_quarter_and_a_chunk_of_the_ideal(line: str, measured: Figures) -> None:
    """Wherever the dear elements lie, idle workers come and take their share."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", RIVALS)
def test_nobody_balances_better(peer: str, measured: Figures, figure_of: Figures) -> None:
    """No peer is done sooner with the same kernel."""
    theirs = measured(peer, KERNEL)
    assert figure_of(LIGHTWORK, KERNEL).ratio <= MARGIN * theirs.ratio
