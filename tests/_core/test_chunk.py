"""The run of chunks that a worker owns: one word, taken from the front by its owner and from the back by thieves."""

from collections.abc import Callable
from functools import partial
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from threads import collide, provoked

BOUNDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def chunk(probe: Callable[[str], ModuleType]) -> ModuleType:
    """The probe."""
    return probe("chunk")


def test_a_word_holds_both_bounds(chunk: ModuleType) -> None:
    """Whatever two 32-bit bounds are packed, the same come out again."""

    @examples(200)
    @given(start=BOUNDS, length=BOUNDS)
    def check(start: int, length: int) -> None:
        stop = min(start + length, 2**32 - 1)
        assert chunk.unpacked(chunk.packed(start, stop)) == (start, stop, stop - start)

    check()


def test_shares_cover_all_chunks_and_differ_by_one_at_most(chunk: ModuleType) -> None:
    """The shares of any number of chunks follow one another without gap or overlap, and are as equal as can be."""

    @examples(200)
    @given(n_chunks=BOUNDS, n_runs=st.integers(1, 1024))
    def check(n_chunks: int, n_runs: int) -> None:
        shares = [chunk.share(n_chunks, n_runs, index) for index in range(n_runs)]
        bounds = [0, *(stop for _, stop in shares)]
        assert [start for start, _ in shares] == bounds[:-1]
        assert bounds[-1] == n_chunks
        assert {stop - start for start, stop in shares} <= {n_chunks // n_runs, -(-n_chunks // n_runs)}

    check()


def test_the_owner_takes_from_the_front(chunk: ModuleType) -> None:
    """One's own chunks come in order, then no more."""
    runs = chunk.Runs(4, 1)
    assert [runs.take(0) for _ in range(6)] == [0, 1, 2, 3, None, None]


def test_a_thief_takes_the_larger_half_from_the_back(chunk: ModuleType) -> None:
    """Of seven chunks the last four go, of the three left the last two, and then the only one."""
    runs = chunk.Runs(7, 1)
    assert [runs.steal(0) for _ in range(3)] == [("GOT", (3, 7)), ("GOT", (1, 3)), ("GOT", (0, 1))]
    assert runs.steal(0) == ("EMPTY", None)


def test_owner_and_thief_leave_each_other_their_own(chunk: ModuleType) -> None:
    """After a theft the owner goes on with what is left, and finds the end where the thief began."""
    runs = chunk.Runs(10, 1)
    assert runs.take(0) == 0
    assert runs.steal(0) == ("GOT", (5, 10))
    assert runs.bounds(0) == (1, 5)
    assert [runs.take(0) for _ in range(5)] == [1, 2, 3, 4, None]


def race(chunk: ModuleType, n_chunks: int, n_runs: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], int]:
    """Let workers take and steal until all is taken; return how often each chunk was, and how many thefts were lost."""
    runs = chunk.Runs(n_chunks, n_runs)
    counts = collide(partial(runs.work, index) for index in range(n_runs))
    return runs.times_taken, sum(n_lost for _, n_lost in counts)


@pytest.mark.parametrize("n_runs", [2, 3, 8])
def test_every_chunk_is_taken_once(chunk: ModuleType, n_runs: int) -> None:
    """Owners and thieves that collide on the words share out every chunk exactly once."""
    for _ in range(10):
        times_taken, _ = race(chunk, 100_000, n_runs)
        np.testing.assert_array_equal(times_taken, np.ones(100_000, np.uint8))


def test_a_lost_race_is_told_from_an_empty_run(chunk: ModuleType) -> None:
    """A thief whose word changed under its hands is told that it LOST."""
    assert provoked(lambda: race(chunk, 1_000_000, 3)[1] > 0)
