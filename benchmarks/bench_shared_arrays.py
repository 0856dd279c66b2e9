"""What do the sums of 8 chunks of 64 MB cost in processes, beside NumPy in this one?"""

from collections.abc import Callable, Iterator
from math import inf
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lightwork as lw
from benchmarks._harness import MARGIN, Case, Figure, Figures, Floats, Measure, by_turns, check
from benchmarks.peers import CHUNK_RIVALS, LIGHTWORK

MEASURE = Measure("ms (÷ NumPy)", lambda seconds, partner: f"{1e3 * seconds:.1f} ({seconds / partner:.1f})")
NEEDS = "far_chunks"
ORDINARY, SHARED = LINES = ("an array as any other, which is sent with each call", "one in shared memory")
N_CHUNKS, N_ITEMS = 8, 1_000_000
SECONDS = 15e-3


def row_sums(part: Floats) -> Floats:
    """Little work for many bytes: what counts is how they come there."""
    sums: Floats = part.sum(axis=1)
    return sums


def cases(peer: ModuleType) -> Iterator[Case]:
    """The same chunks for everyone; an array in shared memory is lightwork's own affair."""
    array = np.random.default_rng(0).standard_normal((N_CHUNKS, N_ITEMS))
    run = peer.far_chunks(row_sums)
    yield case(ORDINARY, run, array)
    if peer.IMPORT == "lightwork":
        shared = lw.shared_empty(array.shape)
        shared[:] = array
        yield case(SHARED, run, shared)


def case(line: str, run: Callable[[Floats], Any], array: Floats) -> Case:
    """Check the sums; that starts the processes, too."""
    return Case(line, by_turns(lambda: run(array), lambda: row_sums(array)), bits=check(np.asarray(run(array)), row_sums(array)))


def limit(figure: Figure) -> float:
    """As designed, where the bytes are there already; those that are not have to be copied once, which takes longer than the sums."""
    return SECONDS if figure.line == SHARED else inf


def test_shared_arrays_are_summed_as_fast_as_promised(measured: Figures) -> None:
    """No bytes travel, and no worker starts."""
    figure = measured(LIGHTWORK, SHARED)
    assert figure.bits
    assert figure.seconds <= MARGIN * limit(figure)


@pytest.mark.parametrize("peer", CHUNK_RIVALS)
def test_nobody_is_done_sooner(peer: str, measured: Figures, figure_of: Figures) -> None:
    """No peer takes less time over an array that has to be sent."""
    theirs = measured(peer, ORDINARY)
    assert figure_of(LIGHTWORK, ORDINARY).ratio <= MARGIN * theirs.ratio
