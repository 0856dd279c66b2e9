"""What does a call cost that is handed to a pool on its own, beside `ThreadPoolExecutor`?"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from functools import partial
from time import perf_counter
from types import ModuleType

import pytest

from benchmarks._harness import MARGIN, Case, Figure, Figures, Measure, Pair, times
from benchmarks.peers import LIGHTWORK, n_workers

MEASURE = Measure("time ÷ ThreadPoolExecutor", lambda seconds, partner: times(seconds / partner))
NEEDS = "pool"
ONE, ALL, EACH, MAPPED = LINES = (
    "submit a call and take its result, one at a time",
    "submit 100 000 calls, then wait for all",
    "submit 100 000 calls, then take each result",
    "map over 1 000 items",
)
N_ONE, N_ALL, N_MAPPED = 1_000, 100_000, 1_000
LIMITS = {ONE: 1 / 2, ALL: 1 / 4, EACH: 1 / 4, MAPPED: 1 / 2}


def nothing(_: object = None) -> None:
    """Nothing."""


def cases(peer: ModuleType) -> Iterator[Case]:
    """The same calls of both, in pools that have all their threads."""
    pool, partner = peer.pool(n_workers()), ThreadPoolExecutor(n_workers())
    for line, call, n_pairs in ((ONE, one_by_one, 0), (ALL, all_at_once, 5), (EACH, each_in_turn, 5), (MAPPED, mapped, 0)):
        yield Case(line, partial(pair, call, pool, partner), n_pairs=n_pairs)


def pair(call: Callable[[Executor], None], pool: Executor, partner: Executor) -> Pair:
    """Time both, one after the other."""
    return seconds(call, pool), seconds(call, partner)


def seconds(call: Callable[[Executor], None], pool: Executor) -> float:
    """Return how long it takes."""
    began = perf_counter()
    call(pool)
    return perf_counter() - began


def one_by_one(pool: Executor) -> None:
    """Ask for each result before the next call is submitted."""
    for _ in range(N_ONE):
        pool.submit(nothing).result()


def all_at_once(pool: Executor) -> None:
    """Wait as the standard library does."""
    done = wait([pool.submit(nothing) for _ in range(N_ALL)]).done
    if len(done) != N_ALL:
        raise AssertionError(len(done))


def each_in_turn(pool: Executor) -> None:
    """Wait for one after the other."""
    for future in [pool.submit(nothing) for _ in range(N_ALL)]:
        future.result()


def mapped(pool: Executor) -> None:
    """Call it for items."""
    if len(list(pool.map(nothing, range(N_MAPPED)))) != N_MAPPED:
        raise AssertionError


def limit(figure: Figure) -> float:
    """As designed."""
    return LIMITS[figure.line] * figure.partner


@pytest.mark.parametrize("line", LINES)
def test_a_call_costs_what_was_promised(line: str, measured: Figures) -> None:
    """A half alone, and a quarter among many."""
    figure = measured(LIGHTWORK, line)
    assert figure.seconds <= MARGIN * limit(figure)
