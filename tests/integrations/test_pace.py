"""How many calls go together."""

from hypothesis import given
from hypothesis import strategies as st

from lightwork.integrations.pace import BATCH_SECONDS, SHARE, Pace


def test_it_begins_with_one() -> None:
    """Nothing is known of the first call."""
    assert Pace().batch_size == 1


def test_a_batch_of_quick_calls_takes_a_millisecond() -> None:
    """As many go together as take so long."""
    pace = Pace()
    pace.note(100_000, 1.0)
    assert pace.batch_size == round(BATCH_SECONDS / 1e-5)


def test_slow_calls_stay_alone() -> None:
    """From half a batch on there is nothing to gain."""
    pace = Pace()
    pace.note(1_000, 1_000 * BATCH_SECONDS * 0.6)
    assert pace.batch_size == 1


def test_a_batch_is_a_part_of_what_was_seen() -> None:
    """Quick calls at the beginning do not make one batch of all that follow."""
    pace = Pace()
    pace.note(8, 1e-9)
    assert pace.batch_size == 8 // SHARE


def test_it_follows_a_change() -> None:
    """Calls that become slow are soon alone again."""
    pace = Pace()
    pace.note(10_000, 1e-3)
    pace.note(100, 100 * BATCH_SECONDS)
    pace.note(1, BATCH_SECONDS)
    assert pace.batch_size <= 50
    for _ in range(20):
        pace.note(1, BATCH_SECONDS)
    assert pace.batch_size == 1


@given(st.lists(st.tuples(st.integers(1, 10_000), st.floats(0, 1e3)), max_size=20))
def test_a_batch_is_never_empty(seen: list[tuple[int, float]]) -> None:
    """Whatever clocks say: also that something took no time."""
    pace = Pace()
    for n_calls, seconds in seen:
        pace.note(n_calls, seconds)
    assert 1 <= pace.batch_size <= max(1, sum(n_calls for n_calls, _ in seen) / SHARE)
