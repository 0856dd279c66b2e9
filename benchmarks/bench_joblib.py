"""What does a call cost that joblib hands over to lightwork, beside the built-in `map`, and what with other pools?"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from math import inf
from statistics import median
from types import ModuleType
from typing import Any

import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, by_turns, times
from benchmarks.bench_items import nothing
from benchmarks.peers import CALL_RIVALS, LIGHTWORK, calls_of

MEASURE = Measure("time ÷ built-in map", lambda seconds, partner: times(seconds / partner))
NEEDS = "calls"
NOTHING, SHORT, LONGER, UNEVEN = LINES = (
    "1 000 calls, nothing to do",
    "1 000 hashes of 10 µs",
    "1 000 hashes of 100 µs",
    "1 000 hashes of 10 µs, every hundredth of 10 ms",
)
N = 1_000
BLOCK = bytes(1 << 24)
JOBLIBS_OWN = "joblib_threading"
SHARE = 0.3  # of what joblib's own threads add to the built-in map's time


def digest(size: int) -> bytes:
    """A hash of so many bytes, without the GIL."""
    return hashlib.sha256(memoryview(BLOCK)[:size]).digest()


def bytes_in(seconds: float) -> int:
    """Return the bytes whose hash takes about so long here; from 2048 on `hashlib` lets go of the GIL."""
    alone = by_turns(lambda: digest(1_000_000), lambda: None)
    return max(2_048, int(1_000_000 * seconds / min(alone()[0] for _ in range(5))))


def cases(peer: ModuleType) -> Iterator[Case]:
    """The same calls for everyone."""
    short, longer, long = map(bytes_in, (10e-6, 100e-6, 10e-3))
    yield case(NOTHING, peer, nothing, range(N), with_joblibs_own=peer.IMPORT == "lightwork")
    yield case(SHORT, peer, digest, [short] * N)
    yield case(LONGER, peer, digest, [longer] * N)
    yield case(UNEVEN, peer, digest, [short if number % 100 else long for number in range(N)])


def case(line: str, peer: ModuleType, function: Callable[[Any], Any], items: Sequence[Any], *, with_joblibs_own: bool = False) -> Case:
    """Check the results, which are the built-in's; put what joblib's own threads take beside them where that is the target."""
    run = peer.calls(function)
    expected = list(map(function, items))
    pair = by_turns(lambda: run(items), lambda: list(map(function, items)))
    details = {"joblib's own threads, seconds": joblibs_own(function, items)} if with_joblibs_own else {}
    return Case(line, pair, bits=list(run(items)) == expected, details=details)


def joblibs_own(function: Callable[[Any], Any], items: Sequence[Any]) -> float:
    """Return the seconds that joblib's own threads take for the same calls."""
    run = calls_of(JOBLIBS_OWN)(function)
    alone = by_turns(lambda: run(items), lambda: None)
    return median(alone()[0] for _ in range(15))


def limit(figure: Figure) -> float:
    """As designed, for calls that do nothing; nothing was promised of the others."""
    if figure.line != NOTHING:
        return inf
    return figure.partner + SHARE * (figure.details["joblib's own threads, seconds"] - figure.partner)


def test_a_call_costs_a_third_of_joblibs_own(measured: Figures) -> None:
    """What joblib's own threads add to the built-in map's time is cut to less than a third."""
    figure = measured(LIGHTWORK, NOTHING)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", CALL_RIVALS)
@pytest.mark.parametrize("line", LINES)
def test_nobody_is_done_sooner(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer takes less time over the same calls."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
