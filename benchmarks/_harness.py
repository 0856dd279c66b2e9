"""How anything here is measured: a contender and its partner by turns, in one process, on the same data; medians of both.

A *pair* is one repetition: the seconds of the contender and, right beside it, those of its partner, which is what the ratio is
over. A *case* is one line of a question's table, a *figure* what came out of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from types import ModuleType
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks._machine import free_cores
from benchmarks.peers import n_workers

Pair: TypeAlias = tuple[float, float]
Floats: TypeAlias = npt.NDArray[np.float64]

SAMPLE_SECONDS = 5e-3  # a repetition is a burst of calls of this length: the clock vanishes in it, and so does waking at its start
CASE_SECONDS = 1.0  # and there are as many as fit in here,
MIN_PAIRS, MAX_PAIRS = 9, 101  # within these bounds
CLOSE = 1e-13  # relative: how far from NumPy a peer may be that does not promise its bits
BUSY = 0.85  # a machine with less than this share of its cores free
MARGIN = 1.25  # what the suites allow beyond a target, because medians of a shared machine move


@dataclass(frozen=True)
class Case:
    """One line of a table, ready to be measured.

    Attributes
    ----------
    line
        What is varied.
    pair
        Runs one repetition.
    bits
        Whether the contender's result was its partner's, bit for bit.
    n_pairs
        How often to repeat; 0 means as often as fits into ``CASE_SECONDS``.
    details
        Other numbers that the question judges by.
    """

    line: str
    pair: Callable[[], Pair]
    bits: bool = True
    n_pairs: int = 0
    details: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """What was measured of a case; `free_cores` is the least that the machine had free right before and after."""

    line: str
    pairs: list[Pair]
    bits: bool
    free_cores: float
    details: dict[str, float]

    @property
    def seconds(self) -> float:
        """The contender's time, the median of all repetitions."""
        return median(pair[0] for pair in self.pairs)

    @property
    def partner(self) -> float:
        """The partner's time, likewise."""
        return median(pair[1] for pair in self.pairs)

    @property
    def is_disturbed(self) -> bool:
        """Whether others used the machine meanwhile."""
        return self.free_cores < BUSY * n_workers()

    @property
    def ratio(self) -> float:
        """The contender's time over its partner's."""
        return self.seconds / self.partner


#: How a suite asks for a figure: by contender and line.
Figures: TypeAlias = Callable[[str, str], Figure]


@dataclass(frozen=True)
class Measure:
    """How a figure is told: its name, a function of the contender's and the partner's seconds, and which way is better."""

    name: str
    show: Callable[[float, float], str]
    bound: str = "≤"


class Question(Protocol):
    """What a module ``bench_*`` offers."""

    __doc__: str | None
    MEASURE: Measure
    NEEDS: str  # the peers' function that is asked for
    LINES: tuple[str, ...]

    def cases(self, peer: ModuleType) -> Iterator[Case]:
        """Yield the lines of the table that one contender has an answer to, its results checked."""

    def limit(self, figure: Figure) -> float:
        """Return the seconds that lightwork may take, given its partner's; infinite where nothing was promised."""


def times(ratio: float) -> str:
    """Return a ratio with three digits that matter."""
    return f"{ratio:.3f}" if ratio < 0.1 else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


RATIO_TO_NUMPY = Measure("time ÷ NumPy", lambda seconds, partner: times(seconds / partner), "≤")
SPEED_UP = Measure("speed-up over NumPy", lambda seconds, partner: times(partner / seconds), "≥")


def measure(case: Case) -> Figure:
    """Measure a case; once more if others used the machine meanwhile, and the quieter time counts."""
    figure = measure_once(case)
    if figure.is_disturbed:
        figure = max(figure, measure_once(case), key=lambda figure: figure.free_cores)
    return figure


def measure_once(case: Case) -> Figure:
    """Repeat a case's pair, after one to warm up."""
    before = free_cores()
    case.pair()
    began = perf_counter()
    pairs = [case.pair()]
    n_pairs = case.n_pairs or min(max(int(CASE_SECONDS / (perf_counter() - began)), MIN_PAIRS), MAX_PAIRS)
    pairs += [case.pair() for _ in range(n_pairs - 1)]
    return Figure(case.line, pairs, case.bits, min(before, free_cores()), case.details)


def seconds_per_call(function: Callable[[], Any], calls: int) -> float:
    """Return the mean time of a few calls in a row."""
    began = perf_counter()
    for _ in range(calls):
        function()
    return (perf_counter() - began) / calls


def by_turns(contender: Callable[[], Any], partner: Callable[[], Any]) -> Callable[[], Pair]:
    """Return a pair of two functions, each called often enough to be timed."""

    def stopwatch(function: Callable[[], Any]) -> Callable[[], float]:
        calls = calls_in(lambda calls: seconds_per_call(function, calls))
        return lambda: seconds_per_call(function, calls)

    first, second = stopwatch(contender), stopwatch(partner)
    return lambda: (first(), second())


def calls_in(stopwatch: Callable[[int], float]) -> int:
    """Return how many calls take as long as a repetition should."""
    stopwatch(1)
    return 1 + int(SAMPLE_SECONDS / stopwatch(3))


def check(result: Floats, expected: Floats) -> bool:
    """Return whether two results are equal to the bit; raise if they are not even close."""
    if np.array_equal(result.view(np.int64), expected.view(np.int64)):
        return True
    np.testing.assert_allclose(result, expected, rtol=CLOSE, atol=CLOSE)
    return False
