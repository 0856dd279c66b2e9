"""What does a function over Python items cost beside the built-in `map`, and how well are uneven items balanced?"""

import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, by_turns, times
from benchmarks.peers import ITEM_RIVALS, LIGHTWORK, n_workers

MEASURE = Measure("time ÷ built-in map", lambda seconds, partner: times(seconds / partner))
NEEDS = "over_items"
FEW, MANY, HASHES, PYTHON = LINES = (
    "3 items, nothing to do",
    "20 000 items, nothing to do",
    "400 hashes of 2 to 800 kB, growing",
    "1 000 items of pure Python, 160 µs",
)
BLOCK = bytes(800_000)
BLINK = 25e-6  # seconds that a call may take beyond the loop, however few its items
EFFICIENCY = 0.96
FREE_THREADED_SPEED_UP = 1.85
HAS_GIL = bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def nothing(item: int) -> int:
    """Nothing."""
    return item


def digest(size: int) -> bytes:
    """A hash of so many bytes, without the GIL."""
    return hashlib.sha256(memoryview(BLOCK)[:size]).digest()  # a view of its own: one for all is not safe without a GIL


def squares(n: int) -> int:
    """A sum in pure Python."""
    total = 0
    for number in range(n):
        total += number * number
    return total


def iterations(seconds: float) -> int:
    """Return for how many numbers `squares` takes about so long here."""
    alone = by_turns(lambda: squares(10_000), lambda: None)
    return max(1, int(10_000 * seconds / min(alone()[0] for _ in range(5))))


def cases(peer: ModuleType) -> Iterator[Case]:
    """The same functions for everyone, over lists."""
    yield case(FEW, peer, nothing, list(range(3)))
    yield case(MANY, peer, nothing, list(range(20_000)))
    yield case(HASHES, peer, digest, list(range(2_000, 802_000, 2_000)))
    yield case(PYTHON, peer, squares, [iterations(160e-6)] * 1_000)


def case(line: str, peer: ModuleType, function: Callable[[Any], Any], items: Sequence[Any]) -> Case:
    """Check the results, which are the built-in's."""
    run = peer.over_items(function)
    expected = list(map(function, items))
    return Case(line, by_turns(lambda: run(items), lambda: list(map(function, items))), bits=list(run(items)) == expected)


def limit(figure: Figure) -> float:
    """As designed; items of pure Python can only gain where there is no GIL."""
    if figure.line == FEW:
        return figure.partner + BLINK
    if figure.line == MANY:
        return 1.5 * figure.partner
    if figure.line == HASHES:
        return figure.partner / (EFFICIENCY * n_workers())
    return figure.partner * (1.1 if HAS_GIL else 1 / FREE_THREADED_SPEED_UP)


@pytest.mark.parametrize("line", LINES)
def test_items_cost_what_was_promised(line: str, measured: Figures) -> None:
    """Little where they do nothing, half where two cores can share them."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", ITEM_RIVALS)
@pytest.mark.parametrize("line", LINES)
def test_nobody_is_done_sooner(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer takes less time over the same items."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
