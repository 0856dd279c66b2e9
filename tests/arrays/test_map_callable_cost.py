"""In what chunks a Python callable is called when nobody says: by what its calls and its items cost, on a clock that only they move."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from strategies import Array

from lightwork import chunked_map

Cost = Callable[[int, int], int]  # of the nth call, with so many items, in nanoseconds


@pytest.fixture
def chunks_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """A function that maps over so many positions, where calls cost what it is told, and returns the chunks' lengths in their order."""

    def run(length: int, cost: Cost, workers: int = 2) -> list[int]:
        now, lengths = [0], {}
        monkeypatch.setattr(time, "perf_counter_ns", lambda: now[0])

        def timed(view: Array) -> Array:
            lengths[int(view[0])] = len(view)
            now[0] += cost(len(lengths), len(view))
            return view

        np.testing.assert_array_equal(chunked_map(timed, np.arange(length), workers=workers), np.arange(length), strict=True)
        return [lengths[start] for start in sorted(lengths)]

    return run


@pytest.mark.parametrize("call_ns", [100_000, 1_000_000, 100_000_000])
def test_dear_calls_are_few(chunks_of: Callable[..., list[int]], call_ns: int) -> None:
    """A function that begins with something dear, whatever its chunk, is called a few times, and not for a thousand small chunks."""
    assert len(chunks_of(1_000_000, lambda _, length: call_ns + length)) <= 10


def test_dear_items_are_shared_at_once(chunks_of: Callable[..., list[int]]) -> None:
    """Where it is the items that cost, the caller goes on alone for three thousandths of them, and chunks suffice to even out the rest."""
    lengths = chunks_of(1_024_000, lambda _, length: 10_000 * length)
    assert lengths[:2] == [1000, 2000]
    assert len(lengths) == 2 + 512


def test_a_first_call_that_is_dear_is_not_taken_for_all(chunks_of: Callable[..., list[int]]) -> None:
    """A function that is compiled at its first call is shared all the same, and soon."""
    lengths = chunks_of(1_024_000, lambda n, length: 10_000 * length + (n == 1) * 1_000_000_000)
    assert len(lengths) > 400
    assert max(lengths) < 20_000


def test_both_are_weighed(chunks_of: Callable[..., list[int]]) -> None:
    """Chunks are so long that an eighth of their time, at most, goes to the call itself."""
    lengths = chunks_of(1_024_000, lambda _, length: 1_000_000 + 1000 * length)
    assert min(lengths[2:-1]) == 8000


def test_a_few_dear_positions_are_shared_after_the_first(chunks_of: Callable[..., list[int]]) -> None:
    """Of ten positions nobody does two alone to learn more."""
    assert chunks_of(10, lambda _, length: 10_000_000 * length) == [1] * 10


def test_a_cheap_range_is_not_shared(chunks_of: Callable[..., list[int]]) -> None:
    """What costs next to nothing is done in a few chunks that grow."""
    assert len(chunks_of(1_000_000, lambda _, length: 1000 + length // 100)) <= 7


def test_one_worker_makes_no_more_chunks_than_several(chunks_of: Callable[..., list[int]]) -> None:
    """What is cheap is done in a few that grow, and what is dear in no more than suffice to stay in the cache."""
    assert len(chunks_of(5000, lambda _, length: 1000 + length // 100, workers=1)) <= 7
    assert len(chunks_of(1_024_000, lambda _, length: 10 * length, workers=1)) < 60
    assert len(chunks_of(1_024_000, lambda _, length: 100_000_000 + length, workers=1)) <= 6
