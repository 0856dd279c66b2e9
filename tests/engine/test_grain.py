"""How many items a worker takes at a time."""

from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from lightwork.engine.grain import CHUNK_SECONDS, LARGEST, LARGEST_AT_ONCE, REMOTE_LEAST, Grain, RemoteGrain

SECONDS = st.sampled_from([0.0, 1e-9, 60e-9, 1e-6, 50e-6, 200e-6, 0.1, 1e6])


@examples(60)
@given(st.lists(SECONDS, max_size=30))
def test_the_size_follows_what_items_take_within_bounds(lessons: list[float]) -> None:
    """It never leaves its bounds, nor moves farther than that with one lesson."""
    grain = Grain(None)
    for seconds in lessons:
        before = grain.size
        grain.learn(seconds)
        assert 1 <= grain.size <= LARGEST
        assert before // 2 <= grain.size <= 8 * before


@examples(60)
@given(SECONDS.filter(lambda seconds: seconds > 0))
def test_in_the_end_a_chunk_takes_as_long_as_it_should(seconds: float) -> None:
    """Or it is the smallest or the largest that there is."""
    grain = Grain(None)
    for _ in range(20):
        grain.learn(seconds)
    assert grain.size == max(min(int(CHUNK_SECONDS / seconds), LARGEST), 1)


@examples(60)
@given(st.integers(1, 10_000), SECONDS)
def test_a_size_that_is_given_stays(chunk_size: int, seconds: float) -> None:
    """Whatever items take, however late a chunk is, and however few wait."""
    grain = Grain(chunk_size)
    grain.learn(seconds)
    grain.halve()
    assert (grain.size, grain.share(1), grain.window(3)) == (chunk_size, chunk_size, 6 * chunk_size)


@examples(60)
@given(st.integers(0, 100_000), st.integers(1, 64))
def test_large_chunks_leave_something_to_others(n_ready: int, n_workers: int) -> None:
    """Beyond the size that anybody may take at once, a chunk is half of what waits at most; and no more is let in for its sake."""
    grain = Grain(None)
    for _ in range(20):
        grain.learn(0.0)
    assert grain.size == LARGEST
    assert grain.share(n_ready) <= max(LARGEST_AT_ONCE, n_ready // 2)
    assert grain.window(n_workers) == 2 * n_workers * LARGEST_AT_ONCE


def test_a_late_chunk_makes_the_next_ones_smaller() -> None:
    """By half, down to one item."""
    grain = Grain(None)
    for _ in range(2):
        grain.learn(0.0)
    sizes = []
    for _ in range(7):
        grain.halve()
        sizes.append(grain.size)
    assert sizes == [32, 16, 8, 4, 2, 1, 1]


@examples(60)
@given(st.integers(0, 100_000), st.integers(1, 64), st.sampled_from([1e-6, 160e-6, 1e-3, 1.0]))
def test_remote_workers_end_together(n_ready: int, n_workers: int, seconds: float) -> None:
    """What one takes is no more than its share, and no less than is worth a journey."""
    grain = RemoteGrain(None, n_workers)
    for _ in range(20):
        grain.learn(seconds)
    share = grain.share(n_ready)
    worth = max(grain.size // REMOTE_LEAST, 1)
    assert worth <= share <= max(worth, -(-n_ready // n_workers))
    assert share <= grain.size


def test_few_chunks_travel() -> None:
    """A thousand items of a millisecond each: some at first, to learn that, and fewer and fewer at the end."""
    grain, n_left, sizes = RemoteGrain(None, 2), 1000, list[int]()
    while n_left:
        sizes.append(min(grain.share(n_left), n_left))
        n_left -= sizes[-1]
        grain.learn(1e-3)
    assert sizes[:3] == [1, 8, 50]
    assert len(sizes) < 40
    assert max(sizes[-3:]) <= 2
