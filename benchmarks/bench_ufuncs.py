"""How much faster than NumPy are ufuncs, cheap and dear, over ten million elements?"""

from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest

from benchmarks._harness import MARGIN, SPEED_UP, Case, Figure, Figures, by_turns, check
from benchmarks.peers import LIGHTWORK, RIVALS

MEASURE = SPEED_UP
NEEDS = "elementwise"
LINES = ("sqrt", "exp", "sin", "log1p", "arctan2")
N = 10_000_000


def cases(peer: ModuleType) -> Iterator[Case]:
    """One line per ufunc, over the same operands; the output is given."""
    operands = np.random.default_rng(5).uniform(0.1, 10, (2, N))
    for line in LINES:
        yield case(line, peer.elementwise(line), operands)


def case(name: str, run: Callable[..., None], operands: np.ndarray) -> Case:
    """Check the result, then time both into outputs that have been written to before."""
    ufunc = getattr(np, name)
    arrays = list(operands[: ufunc.nin])
    expected = ufunc(*arrays)
    out = np.empty_like(expected)
    run(*arrays, out)
    return Case(name, by_turns(lambda: run(*arrays, out), lambda: ufunc(*arrays, out=expected)), check(out, expected))


def limit(figure: Figure) -> float:
    """A speed-up of 1.8, on two cores and on more."""
    return figure.partner / 1.8


@pytest.mark.parametrize("line", LINES)
def test_ufuncs_use_every_core(line: str, measured: Figures) -> None:
    """A large ufunc has NumPy's bits and nearly all of a second core's time."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", RIVALS)
@pytest.mark.parametrize("line", LINES)
def test_nobody_is_ahead(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer gets more out of the same cores."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
