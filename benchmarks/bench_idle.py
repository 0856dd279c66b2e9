"""How much CPU does an idle pool use in the two seconds after a call?"""

from collections.abc import Callable, Iterator
from time import process_time, sleep
from types import ModuleType

import numpy as np

from benchmarks._harness import Case, Figure, Figures, Measure, Pair, check
from benchmarks.peers import LIGHTWORK

SECONDS = 2.0
MEASURE = Measure("CPU time (÷ wall time)", lambda seconds, partner: f"{seconds * 1e3:.1f} ms ({seconds / partner:.2%})")
NEEDS = "elementwise"
LINES = ("two seconds after a call",)


def cases(peer: ModuleType) -> Iterator[Case]:
    """A call that every worker takes part in, then nothing."""
    run = peer.elementwise("exp")
    x = np.linspace(0, 1, 1_000_000)
    out = np.empty_like(x)
    run(x, out)
    yield Case(LINES[0], lambda: rest(lambda: run(x, out)), check(out, np.exp(x)), n_pairs=3)


def rest(call: Callable[[], None]) -> Pair:
    """Return the CPU time of all threads of this process while it does nothing, and how long that was."""
    call()
    began = process_time()
    sleep(SECONDS)
    return process_time() - began, SECONDS


def limit(_: Figure) -> float:
    """Twenty milliseconds, a hundredth."""
    return 20e-3


def test_an_idle_pool_uses_no_cpu(measured: Figures) -> None:
    """In the two seconds after a call, all threads together use less than a hundredth of one core."""
    assert measured(LIGHTWORK, LINES[0]).ratio <= 0.01
