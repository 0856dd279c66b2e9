"""What do the steps of the scheduler cost: one more chunk, a steal, a wake-up?

``steal_model`` is fed with the answers.
"""

from collections.abc import Callable, Iterator
from math import inf
from threading import Thread
from time import perf_counter, sleep
from types import ModuleType
from typing import Any

import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, Pair, times
from benchmarks._probe import load_probe
from benchmarks.peers import LIGHTWORK, RIVALS, n_workers, thread_pool
from benchmarks.steal_model import Costs

MEASURE = Measure("time (÷ a bare call; of a wake-up: ÷ ThreadPoolExecutor)", lambda s, p: f"{time_of(s)} ({times(s / p)})")
NEEDS = "pieces"
CHUNK, SHARED_CHUNK, STEAL, UNPARK, WAKE = LINES = (
    "one more chunk, one worker",
    "one more chunk, each of all workers",
    "one steal",
    "waking one worker, for the waker",
    "waking one worker, until its first chunk",
)
REST = 5e-3
ROUNDS = 5_000
MANY = 200_000


def time_of(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    return f"{seconds * 1e9:.1f} ns" if seconds < 1e-6 else f"{seconds * 1e6:.1f} µs"


def cases(peer: ModuleType) -> Iterator[Case]:
    """Chunks for everyone; what only lightwork has, for lightwork."""
    probe = load_probe()

    def bare() -> float:
        return float(probe.bare_calls(MANY))

    if peer.IMPORT == "lightwork":
        yield Case(CHUNK, lambda: (probe.empty_job(MANY, 1, 1) / MANY, bare()))
        yield Case(SHARED_CHUNK, lambda: (n_workers() * probe.empty_job(MANY, n_workers(), 1) / MANY, bare()))
        yield Case(STEAL, lambda: (steal_seconds(probe), bare()), n_pairs=25)
        yield Case(UNPARK, lambda: unpark(probe))
        yield Case(WAKE, lambda: wake(probe))
    else:
        n = 500
        run = peer.pieces(n)
        yield Case(SHARED_CHUNK, lambda: (n_workers() * timed(run) / n, bare()))


def timed(run: Callable[[], Any]) -> float:
    """Return the seconds of one call."""
    began = perf_counter()
    run()
    return perf_counter() - began


def steal_seconds(probe: Any) -> float:
    """Return what a steal adds to a turn between two threads; a turn has two more transfers of a line with it than without."""
    return (turn(probe, with_run=True) - turn(probe, with_run=False)) / 2


def turn(probe: Any, *, with_run: bool) -> float:
    """Return the seconds of one turn between an owner, who may fill a run, and a thief, who may then rob it."""
    table = probe.Table()
    thief = Thread(target=table.rob, args=(ROUNDS, with_run))
    thief.start()
    seconds = float(table.own(ROUNDS, with_run))
    thief.join()
    return seconds


def unpark(probe: Any) -> Pair:
    """Return what an empty job costs more when a worker has to be woken; against a submit to a sleeping executor."""
    sleep(REST)
    parked = probe.empty_job(2, 2, 1)
    warm = probe.empty_job(2, 2, 1)
    sleep(REST)
    return parked - warm, timed(lambda: thread_pool.POOL.submit(thread_pool.nothing))


def wake(probe: Any) -> Pair:
    """Return how long a call waits for its first helper, and a submit for its function to begin."""
    sleep(REST)
    seconds = probe.rouse()
    sleep(REST)
    began = perf_counter()
    return seconds, thread_pool.POOL.submit(perf_counter).result() - began


def measured_costs(figures: list[Figure]) -> Costs:
    """Return the model's prices, from lightwork's figures."""
    nanoseconds = {figure.line: max(1, round(figure.seconds * 1e9)) for figure in figures}
    unpark_ns = nanoseconds[UNPARK]
    return Costs(nanoseconds[CHUNK], nanoseconds[STEAL], unpark_ns, max(1, nanoseconds[WAKE] - unpark_ns))


def limit(figure: Figure) -> float:
    """As designed, for a chunk; nothing was promised of the others."""
    return 15e-9 if figure.line in (CHUNK, SHARED_CHUNK) else inf


@pytest.mark.parametrize("line", [CHUNK, SHARED_CHUNK])
def test_a_chunk_costs_a_few_calls(line: str, measured: Figures) -> None:
    """One more chunk costs no more than ten calls of its body."""
    assert measured(LIGHTWORK, line).ratio <= MARGIN * 10


@pytest.mark.parametrize("peer", RIVALS)
def test_nobody_hands_out_pieces_for_less(peer: str, measured: Figures, figure_of: Figures) -> None:
    """A piece of work costs every peer that hands pieces out more than it costs lightwork."""
    theirs = measured(peer, SHARED_CHUNK)
    assert figure_of(LIGHTWORK, SHARED_CHUNK).ratio <= MARGIN * theirs.ratio
