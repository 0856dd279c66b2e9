"""The arithmetic of rate limits, for any times, costs and orders of reports."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from windows import excess

from lightwork import RateLimit
from lightwork.policies.bucket import Bucket

LIMITS = st.builds(RateLimit, st.floats(0.01, 1000), st.sampled_from([1.0, 60.0]), st.floats(1, 20))


def test_the_check_itself_sees_an_excess() -> None:
    """Two starts at once are one more than a burst of one allows, and a second later they are not."""
    assert excess([(0.0, 1.0), (0.0, 1.0)], RateLimit(1)) == 1.0
    assert excess([(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)], RateLimit(1)) == 0.0
    assert excess([(0.0, 1.0), (1.0, 1.0), (1.5, 1.0)], RateLimit(1)) == 0.5


def test_a_burst_then_an_even_pace() -> None:
    """An empty bucket lets a burst in at once, and then one for each that drips out."""
    bucket = Bucket.of(RateLimit(2, burst=3))
    for _ in range(3):
        assert bucket.wait(10.0, 1.0) == 0.0
        bucket = bucket.filled(10.0, 1.0)
    assert bucket.wait(10.0, 1.0) == 0.5
    assert bucket.wait(10.25, 1.0) == 0.25
    assert bucket.wait(10.5, 1.0) == 0.0
    assert (bucket.level(10.0), bucket.level(10.5), bucket.level(99.0)) == (3.0, 2.0, 0.0)


def test_what_has_not_started_does_not_drip() -> None:
    """A grant counts in full until its start is reported, however long that takes."""
    bucket = Bucket.of(RateLimit(1000)).granted(1.0)
    assert bucket.wait(1e6, 1.0) == math.inf
    assert bucket.started(1e6, 1.0).wait(1e6, 1.0) == pytest.approx(0.001)
    assert bucket.withdrawn(1.0).wait(1e6, 1.0) == 0.0


def test_a_start_drips_from_when_it_began() -> None:
    """A late report counts from the true start, not from the report."""
    bucket = Bucket.of(RateLimit(1)).granted(1.0).started(5.0, 1.0)
    assert bucket.wait(5.75, 1.0) == 0.25
    assert bucket.wait(6.0, 1.0) == 0.0


def test_each_grant_is_reported_once() -> None:
    """A report of what was never granted, or was reported before, is an error in the caller."""
    for bucket in (Bucket.of(RateLimit(1)), Bucket.of(RateLimit(1)).granted(1.0).started(0.0, 1.0)):
        with pytest.raises(RuntimeError, match="report each grant once"):
            bucket.withdrawn(1.0)
        with pytest.raises(RuntimeError, match="report each grant once"):
            bucket.started(0.0, 1.0)


@given(st.permutations([0.1, 0.2, 0.3, 0.7, 1e-9]))
def test_rounding_leaves_nothing_behind(order: list[float]) -> None:
    """When all grants were reported there is room for a whole burst, whatever the sum of their costs was rounded to."""
    bucket = Bucket.of(RateLimit(1, burst=2))
    for cost in (0.1, 0.2, 0.3, 0.7, 1e-9):
        bucket = bucket.granted(cost)
    for cost in order:
        bucket = bucket.withdrawn(cost)
    assert bucket == Bucket.of(RateLimit(1, burst=2))


def test_of_several_pauses_the_one_that_ends_last_counts() -> None:
    """A shorter pause does not cut a longer one, and resuming ends both."""
    bucket = Bucket.of(RateLimit(1)).paused(10.0).paused(5.0)
    assert bucket.wait(2.0, 1.0) == 8.0
    assert bucket.wait(10.0, 1.0) == 0.0
    assert bucket.paused(math.inf).wait(2.0, 1.0) == math.inf
    assert bucket.paused(math.inf).resumed().wait(2.0, 1.0) == 0.0


@given(LIMITS, st.floats(0, 1e9), st.floats(0, 1), st.floats(0, 1e3))
def test_who_waits_as_long_as_was_said_is_let_in(limit: RateLimit, now: float, share: float, later: float) -> None:
    """The wait is rounded such that nobody who keeps to it has to ask twice."""
    bucket = Bucket.of(limit).filled(now, limit.burst)
    asked_at = now + later
    wait = bucket.wait(asked_at, share * limit.burst)
    assert bucket.wait(asked_at + wait, share * limit.burst) == 0.0


@example(94.52384211095081, 245.28292424122478)  # whose plain difference is too short
@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_who_waits_for_the_end_of_a_pause_is_let_in(now: float, until: float) -> None:
    """Also where the time to wait is larger than the time that it is, and the plain difference may be a hair too short."""
    bucket = Bucket.of(RateLimit(1)).paused(until)
    assert bucket.wait(now + bucket.wait(now, 1.0), 1.0) == 0.0


@given(LIMITS, st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), max_size=12), st.randoms(use_true_random=False))
def test_reports_out_of_order_leave_no_more_room(limit: RateLimit, starts: list[tuple[float, float]], random: object) -> None:
    """Whatever the order of reports, the bucket is at least as full as if they had come in order."""
    in_order = shuffled = Bucket.of(limit)
    for now, share in sorted(starts):
        in_order = in_order.filled(now, share * limit.burst)
    random.shuffle(starts)  # type: ignore[attr-defined]
    for now, share in starts:
        shuffled = shuffled.filled(now, share * limit.burst)
    assert shuffled.empty_at >= in_order.empty_at - 1e-9 * abs(in_order.empty_at) if starts else shuffled == in_order


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "start", "report", "withdraw"]),
        st.floats(0, 1),  # of the burst: what is asked for
        st.floats(0, 3),  # how long after the move before
        st.integers(0, 100),  # which of those that could be meant
    ),
    max_size=60,
)


@given(LIMITS, MOVES)
def test_no_window_has_more_than_its_share(limit: RateLimit, moves: list[tuple[str, float, float, int]]) -> None:
    """Starts stall after their grants, are reported late and in any order, or withdrawn: every window keeps to the limit."""
    bucket, now = Bucket.of(limit), 1000.0
    granted: list[float] = []
    running: list[tuple[float, float]] = []
    starts: list[tuple[float, float]] = []
    for move, share, gap, which in moves:
        now += gap / limit.rate
        cost = share * limit.burst
        if move == "ask" and bucket.wait(now, cost) == 0.0:
            bucket = bucket.granted(cost)
            granted.append(cost)
        elif move == "start" and granted:
            running.append((now, granted.pop(which % len(granted))))
            starts.append(running[-1])
        elif move == "report" and running:
            bucket = bucket.started(*running.pop(which % len(running)))
        elif move == "withdraw" and granted:
            bucket = bucket.withdrawn(granted.pop(which % len(granted)))
        assert bucket.pending == pytest.approx(sum(granted) + sum(cost for _, cost in running), abs=1e-9)
    assert excess(starts, limit) <= 1e-9 * (limit.burst + limit.rate)
