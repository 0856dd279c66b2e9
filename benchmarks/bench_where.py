"""How much faster than NumPy is a division under a mask, ``where=``, over ten million elements?"""

from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest

from benchmarks._harness import MARGIN, SPEED_UP, Case, Figure, Figures, Floats, by_turns, check
from benchmarks.peers import LIGHTWORK

MEASURE = SPEED_UP
NEEDS = "masked"
N = 10_000_000
STRETCH = 1000
BY_SLICES = ("thread_pool", "joblib_threading")  # contenders that call NumPy's ufunc, too

#: Which elements are divided, by the number of each and something random.
MASKS: dict[str, Callable[[np.ndarray, Floats], np.ndarray]] = {
    "99 of 100": lambda _, chance: chance < 0.99,
    "every other thousand": lambda number, _: number // STRETCH % 2 == 0,
    "1 of 2": lambda _, chance: chance < 0.5,
    "1 of 100": lambda _, chance: chance < 0.01,
}
LINES = tuple(MASKS)


def cases(peer: ModuleType) -> Iterator[Case]:
    """One line for each mask, over the same operands; the output is given."""
    a, b, chance = np.random.default_rng(9).uniform(0.1, 1, (3, N))
    for line, make in MASKS.items():
        yield case(line, peer.masked(), a, b, make(np.arange(N), chance))


def case(line: str, run: Callable[..., None], a: Floats, b: Floats, mask: np.ndarray) -> Case:
    """Check the result, what is left out included, then time both."""
    out, expected = np.full(N, 7.0), np.full(N, 7.0)
    np.divide(a, b, out=expected, where=mask)
    run(a, b, mask, out)
    return Case(line, by_turns(lambda: run(a, b, mask, out), lambda: np.divide(a, b, out=expected, where=mask)), check(out, expected))


def limit(figure: Figure) -> float:
    """A speed-up of 1.7, on two cores and on more."""
    return figure.partner / 1.7


@pytest.mark.parametrize("line", LINES)
def test_masks_cost_no_core(line: str, measured: Figures) -> None:
    """A large call under a mask has NumPy's bits and most of a second core's time."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", BY_SLICES)
@pytest.mark.parametrize("line", LINES)
def test_slices_are_not_ahead(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """Nobody gets more out of NumPy's own loop; a compiler need not call one for each run."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
