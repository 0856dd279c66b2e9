"""How much faster than NumPy are reductions and counts over ten million elements?"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks._harness import MARGIN, SPEED_UP, Case, Figure, Figures, by_turns, check
from benchmarks.peers import LIGHTWORK, RIVALS

MEASURE = SPEED_UP
NEEDS = "reduction"
N = 10_000_000
ROWS = 10_000

#: What is reduced, by NumPy.
NUMPY: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "max": np.max,
    "mean": np.mean,
    "var": np.var,
    "argmin": np.argmin,
    "histogram": lambda a: np.histogram(a, 100)[0],
    "bincount": np.bincount,
    "sum(axis=0)": lambda a: np.sum(a, axis=0),
    "sum(axis=1)": lambda a: np.sum(a, axis=1),
}
LINES = tuple(NUMPY)

#: The speed-up that each is to have, on two cores and on more.
TARGETS = {"sum": 1.9, "max": 1.9, "mean": 1.9, "var": 4, "argmin": 1.8, "histogram": 15, "bincount": 1.8, "sum(axis=0)": 1.7, "sum(axis=1)": 1.7}


def operand(line: str) -> Any:
    """Return what a line reduces: numbers in a line or in rows, or small integers."""
    random = np.random.default_rng(8)
    if line == "bincount":
        return random.integers(0, 1000, N)
    numbers = 0.5 + random.standard_normal(N)  # whose sum is not nearly zero, so that a peer's may be compared with it
    return numbers.reshape(ROWS, -1) if "axis" in line else numbers


def cases(peer: ModuleType) -> Iterator[Case]:
    """One line for each function that the contender has."""
    for line in LINES:
        run = peer.reduction(line)
        if run is not None:
            yield case(line, run)


def case(line: str, run: Callable[..., Any]) -> Case:
    """Check the result, then time both."""
    array = operand(line)
    expected = np.asarray(NUMPY[line](array))
    bits = check(np.asarray(run(array)), expected)
    return Case(line, by_turns(lambda: run(array), lambda: NUMPY[line](array)), bits)


def limit(figure: Figure) -> float:
    """Return the seconds that a line may take."""
    return figure.partner / TARGETS[figure.line]


@pytest.mark.parametrize("line", LINES)
def test_reductions_use_every_core(line: str, measured: Figures) -> None:
    """A large reduction has NumPy's bits and nearly all of a second core's time."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", RIVALS)
@pytest.mark.parametrize("line", LINES)
def test_nobody_is_ahead(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer gets more out of the same cores."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
