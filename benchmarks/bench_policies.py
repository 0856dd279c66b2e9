"""What do retries, a stream and a rate limit cost an item that nothing befalls, beside the built-in `map`?"""

from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, by_turns, times
from benchmarks.bench_items import nothing
from benchmarks.peers import ITEM_RIVALS, LIGHTWORK

MEASURE = Measure("time ÷ built-in map", lambda seconds, partner: times(seconds / partner))
NEEDS = "over_items"
RETRIED, STREAMED, AT_ONCE, SPREAD = LINES = (
    "20 000 items, three attempts, errors collected",
    "20 000 items, streamed",
    "2 000 items, a rate limit, all may start at once",
    "2 000 items, a rate limit that spreads them",
)
N, N_LIMITED = 20_000, 2_000
MOST_TIMES = 4  # the built-in's time, with retries
MICROSECONDS = {STREAMED: 1, AT_ONCE: 6, SPREAD: 6}  # an item at most


def cases(peer: ModuleType) -> Iterator[Case]:
    """What each contender has of it."""
    yield case(RETRIED, peer.retried(nothing), N)
    if "streamed" not in peer.CANNOT:
        yield case(STREAMED, partial(drained, peer.streamed(nothing)), N)
    if "limited" not in peer.CANNOT:
        yield case(AT_ONCE, peer.limited(nothing, spread=False), N_LIMITED)
        yield case(SPREAD, peer.limited(nothing, spread=True), N_LIMITED)


def drained(stream: Callable[[Any], Iterator[Any]], items: list[int]) -> list[Any]:
    """Read a stream to its end."""
    return list(stream(items))


def case(line: str, run: Callable[[list[int]], list[Any]], n_items: int) -> Case:
    """Check the results, which are the items themselves; streams may bring them in any order."""
    items = list(range(n_items))
    results = run(items)
    return Case(line, by_turns(lambda: run(items), lambda: list(map(nothing, items))), bits=sorted(results) == items)


def limit(figure: Figure) -> float:
    """As designed: a ratio for retries, and microseconds for what goes through the engine item by item."""
    if figure.line == RETRIED:
        return MOST_TIMES * figure.partner
    return MICROSECONDS[figure.line] * 1e-6 * (N if figure.line == STREAMED else N_LIMITED)


@pytest.mark.parametrize("line", LINES)
def test_policies_cost_what_was_promised(line: str, measured: Figures) -> None:
    """Little beside what calling a function costs anyway."""
    figure = measured(LIGHTWORK, line)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", ITEM_RIVALS)
@pytest.mark.parametrize("line", LINES)
def test_nobody_is_done_sooner(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer takes less time for the same."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
