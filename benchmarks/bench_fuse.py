"""How much faster than NumPy is an expression of nine ufuncs, ``sqrt(a*a + b*b)*exp(-a) + a*b``, and from how many elements on?"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchmarks._harness import MARGIN, SPEED_UP, Case, Figure, Figures, Floats, by_turns, check
from benchmarks.peers import LIGHTWORK, RIVALS

MEASURE = SPEED_UP
NEEDS = "expression"
SIZES = {"10 elements": 10, "10³": 1000, "10⁴": 10_000, "10⁵": 100_000, "10⁶": 1_000_000, "10⁷": 10_000_000}
LINES = tuple(SIZES)

#: Seconds that a call may cost beyond NumPy's where nothing can be gained, and how much must be gained where it can.
ALLOWANCE = 5e-6
GAINS = {"10⁵": 2.0, "10⁶": 4.0, "10⁷": 5.0}

#: By how much the others are to be beaten over the largest arrays.
AHEAD_OF = dict.fromkeys(RIVALS, 2.0) | {"numba_parallel": 0.9}


def numpy_expression(a: Floats, b: Floats) -> Floats:
    """Compute it as everybody writes it."""
    result: Floats = np.sqrt(a * a + b * b) * np.exp(-a) + a * b
    return result


def cases(peer: ModuleType) -> Iterator[Case]:
    """One line per size; the contenders get an output, and NumPy makes its own."""
    operands = np.random.default_rng(7).random((2, max(SIZES.values())))
    for line, n in SIZES.items():
        yield case(line, peer.expression(), *operands[:, :n])


def case(line: str, run: Callable[..., Any], a: Floats, b: Floats) -> Case:
    """Check the result, then time both."""
    out, expected = np.empty_like(a), numpy_expression(a, b)
    run(a, b, out)
    return Case(line, by_turns(lambda: run(a, b, out), lambda: numpy_expression(a, b)), check(out, expected))


def limit(figure: Figure) -> float:
    """NumPy's time and an allowance, or the part of it that is promised."""
    return figure.partner / GAINS[figure.line] if figure.line in GAINS else figure.partner + ALLOWANCE


@pytest.mark.parametrize("line", LINES)
def test_expressions_gain_and_never_lose(line: str, measured: Figures) -> None:
    """Large arrays gain as promised, small ones cost no more than the allowance, and all have NumPy's bits."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", RIVALS)
def test_nobody_is_ahead(peer: str, measured: Figures, figure_of: Figures) -> None:
    """Over the largest arrays no interpreter of expressions is near, and no compiler ahead."""
    theirs = measured(peer, "10⁷")
    assert figure_of(LIGHTWORK, "10⁷").ratio <= MARGIN * theirs.ratio / AHEAD_OF[peer]
