"""What does it cost to fork and join when there is nothing to do, with the workers awake and with them asleep?"""

from collections.abc import Callable, Iterator
from time import sleep
from types import ModuleType

import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, Pair, calls_in, seconds_per_call, times
from benchmarks._probe import load_probe
from benchmarks.peers import LIGHTWORK, RIVALS, n_workers, thread_pool

MEASURE = Measure("time (÷ ThreadPoolExecutor)", lambda seconds, partner: f"{seconds * 1e6:.2f} µs ({times(seconds / partner)})")
NEEDS = "fork_join"
LINES = ("warm", "parked")
TARGETS = {"warm": 1.5e-6, "parked": 40e-6}
REST = 5e-3  # seconds after which every contender's workers are asleep

Stopwatch = Callable[[int], float]


def cases(peer: ModuleType) -> Iterator[Case]:
    """One job of a piece for each worker, again and again, and after a rest."""
    contender, partner = stopwatch(peer), stopwatch(thread_pool)
    calls = [calls_in(contender), calls_in(partner)]
    yield Case("warm", lambda: (warm(contender, calls[0]), warm(partner, calls[1])))
    yield Case("parked", lambda: parked(contender, partner))


def stopwatch(peer: ModuleType) -> Stopwatch:
    """Return a function that times so many calls of an empty job, and tells the mean; lightwork's is in C, as its jobs are."""
    if peer.IMPORT == "lightwork":
        probe = load_probe()
        return lambda calls: float(probe.empty_job(n_workers(), n_workers(), calls))
    run = peer.fork_join()
    return lambda calls: seconds_per_call(run, calls)


def warm(contender: Stopwatch, calls: int) -> float:
    """Time calls that come right after others."""
    contender(calls)
    return contender(calls)


def parked(contender: Stopwatch, partner: Stopwatch) -> Pair:
    """Time one call of each after a rest."""
    sleep(REST)
    seconds = contender(1)
    sleep(REST)
    return seconds, partner(1)


def limit(figure: Figure) -> float:
    """As designed."""
    return TARGETS[figure.line]


@pytest.mark.parametrize(("line", "share"), [("warm", 0.05), ("parked", 1.0)])
def test_an_empty_job_costs_a_fraction_of_a_futures(line: str, share: float, measured: Figures) -> None:
    """A warm fork and join takes a twentieth of an executor's; waking the pool takes no longer than waking an executor."""
    assert measured(LIGHTWORK, line).ratio <= MARGIN * share


@pytest.mark.parametrize("peer", RIVALS)
@pytest.mark.parametrize("line", LINES)
def test_nobody_forks_and_joins_faster(peer: str, line: str, measured: Figures, figure_of: Figures) -> None:
    """No peer is done sooner with nothing."""
    theirs = measured(peer, line)
    assert figure_of(LIGHTWORK, line).ratio <= MARGIN * theirs.ratio
