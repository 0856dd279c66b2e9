"""How far a run has come, told now and then."""

from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from lightwork.tasks import progress
from lightwork.tasks.progress import INTERVAL, Throttle, followed
from lightwork.testing import MockClock

Told = list[tuple[int, int]]

# What may happen to a run: some more items end, some more become known, some time passes.
EVENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.floats(0, 0.3)), max_size=60)


def throttled() -> tuple[MockClock, Told, Throttle]:
    """Return a clock, what was told so far, and the throttle that tells it."""
    clock, told = MockClock(), list[tuple[int, int]]()
    return clock, told, Throttle(lambda done, total: told.append((done, total)), clock.now)


def test_the_first_change_is_told_at_once_and_the_next_ones_now_and_then() -> None:
    """Ten times a second is motion enough."""
    clock, told, throttle = throttled()
    for done in range(1, 31):
        throttle.update(done, 100)
        clock.advance(1 / 64)
    assert told == [(done, 100) for done in (1, 8, 15, 22, 29)]


def test_what_was_held_back_is_told_when_it_is_due() -> None:
    """A run that stands still after a burst shows the whole burst."""
    clock, told, throttle = throttled()
    throttle.update(1, 3)
    due = [throttle.due]
    throttle.update(2, 3)
    due.append(throttle.due)
    throttle.flush()
    assert due == [None, INTERVAL]
    assert told == [(1, 3)]
    clock.advance(INTERVAL)
    throttle.flush()
    throttle.flush()
    assert (told, throttle.due) == ([(1, 3), (2, 3)], None)


def test_the_end_is_told_once_whenever_it_is() -> None:
    """Right after another call, and not again if that was it."""
    _, told, throttle = throttled()
    throttle.update(1, 2)
    throttle.finish(2, 2)
    throttle.finish(2, 2)
    assert told == [(1, 2), (2, 2)]


def test_a_run_over_nothing_is_told_of() -> None:
    """Whoever waits for the last call gets one."""
    _, told, throttle = throttled()
    throttle.finish(0, 0)
    assert told == [(0, 0)]


def test_what_the_callback_raises_reaches_who_drives_the_run() -> None:
    """It stops the run; nothing is swallowed here."""
    clock = MockClock()
    throttle = Throttle(lambda done, total: 1 // 0, clock.now)
    with pytest.raises(ZeroDivisionError):
        throttle.update(1, 2)


@examples(200)
@given(EVENTS)
def test_progress_never_goes_back_nor_too_fast_and_ends_at_the_end(events: list[tuple[int, int, float]]) -> None:
    """Whatever happens between: counts rise, calls but the last are a tenth of a second apart, and the last one has the last numbers."""
    clock = MockClock()
    told: list[tuple[float, int, int]] = []
    throttle = Throttle(lambda done, total: told.append((clock.now(), done, total)), clock.now)
    done = total = 0
    for ended, known, seconds in events:
        done, total = done + ended, total + ended + known
        throttle.update(done, total)
        clock.advance(seconds)
        throttle.flush()
        assert throttle.due is None or throttle.due > clock.now()
    throttle.finish(total, total)
    times, counts, totals = zip(*told, strict=True)
    assert all(late - early > INTERVAL - 1e-9 for early, late in pairwise(times[:-1]))
    assert sorted(counts) == list(counts)
    assert sorted(totals) == list(totals)
    assert told[-1][1:] == (total, total)
    assert len(set(told)) == len(told)


def test_a_count_that_goes_back_is_not_told() -> None:
    """What had ended has ended."""
    clock, told, throttle = throttled()
    throttle.update(5, 9)
    clock.advance(1.0)
    throttle.update(3, 9)
    assert told == [(5, 9)]


def test_the_clock_in_force_is_the_default() -> None:
    """A test's clock holds here, too."""
    told: Told = []
    with MockClock() as clock:
        throttle = Throttle(lambda done, total: told.append((done, total)))
        for done in (1, 2, 3):
            throttle.update(done, 3)
        clock.advance(INTERVAL)
        throttle.flush()
    assert told == [(1, 3), (3, 3)]


# --- Following a run ---


class Recorder:
    """A display that writes down what it is told."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def __call__(self, done: int, total: int) -> None:
        self.seen.append((done, total))

    def close(self) -> None:
        self.seen.append("closed")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """What progress=True shows, written down."""
    shown = Recorder()
    monkeypatch.setattr(progress, "display", lambda: shown)
    return shown


def test_nobody_follows_a_run_that_was_not_asked_to_tell(recorder: Recorder) -> None:
    """There is nothing to call, and nothing is opened."""
    with followed(None, progress=False) as throttle:
        assert throttle is None
    assert recorder.seen == []


@pytest.mark.parametrize("fails", [False, True])
def test_a_display_is_closed_whatever_becomes_of_the_run(recorder: Recorder, fails: bool) -> None:
    """The terminal is given back after an error, too."""

    def run() -> None:
        with followed(None, progress=True) as throttle:
            assert throttle is not None
            throttle.update(1, 2)
            if fails:
                raise KeyError
            throttle.finish(2, 2)

    with pytest.raises(KeyError) if fails else nullcontext():
        run()
    assert recorder.seen == ([(1, 2), "closed"] if fails else [(1, 2), (2, 2), "closed"])


@pytest.mark.parametrize("progress", [False, True])
def test_a_callback_is_told_with_a_display_and_without(recorder: Recorder, progress: bool) -> None:
    """Both get the same numbers."""
    told: Told = []
    note: Callable[[int, int], object] = lambda done, total: told.append((done, total))  # noqa: E731 - of the type that callers write
    with followed(note, progress=progress) as throttle:
        assert throttle is not None
        throttle.finish(3, 3)
    assert told == [(3, 3)]
    assert recorder.seen == ([(3, 3), "closed"] if progress else [])
