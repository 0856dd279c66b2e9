"""One run as a state machine: whatever happens in whatever order, its promises hold."""

import math
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from windows import excess
from world import World, run_of

from lightwork._errors import TimedOut
from lightwork.engine.run import Run
from lightwork.engine.stage import Stage
from lightwork.engine.verdict import judge, refusing
from lightwork.executors.loops import run_chunk_by
from lightwork.policies import Limiter, RateLimit, Retry


def negative(item: int) -> int:
    """Stand for the function, which the world calls by itself."""
    return -item


RETRIES = st.none() | st.builds(
    Retry,
    st.integers(1, 4),
    backoff=st.sampled_from([0.0, 0.002, 1.0]),
    jitter=st.sampled_from(["none", "full"]),
    when=st.sampled_from(["now", "end"]),
    seed=st.integers(0, 100),
)

TIMEOUTS = st.none() | st.sampled_from([0.0005, 10.0])


@st.composite
def worlds(draw: Callable[[st.SearchStrategy[Any]], Any], *, task_timeouts: st.SearchStrategy[float | None] = TIMEOUTS) -> World:
    """Draw a run with all its policies, and items some of which fail for a while."""
    n_items = draw(st.integers(0, 30))
    rate_limit = draw(st.none() | st.builds(RateLimit, st.sampled_from([1.0, 100.0, 1e6]), burst=st.integers(1, 4)))
    stage = Stage(negative, draw(RETRIES), None if rate_limit is None else Limiter(rate_limit), draw(st.none() | st.integers(1, 3)))
    run = run_of(
        stage,
        draw(st.integers(1, 4)),
        window=draw(st.none() | st.integers(1, 10)),
        chunk_size=draw(st.none() | st.integers(1, 5)),
        max_errors=draw(st.none() | st.integers(1, 3)),
        task_timeout=draw(task_timeouts),
    )
    run.workers_pay = draw(st.booleans())
    n_failures = draw(st.dictionaries(st.integers(0, 30), st.integers(1, 5)))
    costs = draw(st.just([1.0]) | st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=4))
    return World(run, n_items, n_failures, n_at_once=draw(st.integers(1, 8)), costs=costs)


def go(world: World, data: st.DataObject, *, n_stops: int = 0) -> None:
    """Let things happen in an order that is drawn, with a stop among them perhaps, and then the rest."""
    stops_at = data.draw(st.integers(0, 60)) if n_stops else -1
    for number in range(data.draw(st.integers(0, 80))):
        if number == stops_at:
            world.happen(world.stop)
        events = world.events()
        if not events:
            break
        world.happen(data.draw(st.sampled_from(events)))
        check_now(world)
    world.finish()


def check_now(world: World) -> None:
    """What holds at all times."""
    run = world.run
    n_ended = sum(world.ends.values())
    assert world.n_pulled - n_ended + (n_ended - world.n_read) <= max(run.window, world.n_pulled - world.n_read if run._window is None else 0)
    assert len(world.busy) <= run.n_workers
    assert all(count == 1 for count in world.ends.values())


@examples(60)
@given(worlds(), st.data())
def test_every_item_ends_exactly_once(world: World, data: st.DataObject) -> None:
    """In any order of events each admitted item has one outcome, if the run was not ended early; and nobody is left in it."""
    go(world, data)
    assert world.run.is_over
    assert not world.busy
    assert set(world.ends.values()) <= {1}
    if world.run.status is None:
        assert sorted(world.ends) == list(range(world.n_items))


@examples(60)
@given(worlds(task_timeouts=st.none()), st.data())
def test_outcomes_are_what_the_attempts_came_to(world: World, data: st.DataObject) -> None:
    """An item has its value if it succeeded within the attempts, else its error; and never more attempts than are allowed.

    One that waits for another attempt when too many others have failed has the error that it has.
    """
    go(world, data)
    retry = world.run.stages[0].retry
    allowed = 1 if retry is None or retry.attempts is None else retry.attempts
    for item, outcome in world.outcomes.items():
        n_starts = sum(started == item for _, started in world.starts)
        n_failures = world.n_failures.get(item, 0)
        most = min(n_failures + 1, allowed)
        assert n_starts == most or (n_starts < most and world.run.status == "aborted")
        assert outcome == -item if n_starts > n_failures else isinstance(outcome, ValueError)


@examples(60)
@given(worlds(), st.data())
def test_a_stop_is_the_end_of_beginning(world: World, data: st.DataObject) -> None:
    """After a stop no item is taken from the source or begun, and what was finished stays."""
    go(world, data, n_stops=1)
    assert world.run.is_over
    if world.stopped_at is not None:
        assert (world.n_pulled, len(world.starts)) <= world.stopped_at
        assert world.run.n_wanted == 0


@examples(60)
@given(worlds(), st.data())
def test_the_rate_is_kept_in_every_window(world: World, data: st.DataObject) -> None:
    """Between any two starts there are no more than the rate times their distance, and the burst."""
    limiter = world.run.stages[0].limiter
    go(world, data)
    if limiter is not None:
        [limit] = limiter.limits
        assert excess([(time, world.cost(item)) for time, item in world.starts], limit) <= 1e-6


@examples(60)
@given(st.lists(st.integers(1, 5), max_size=20), st.integers(1, 8), st.integers(1, 4))
def test_items_admitted_together_end_one_by_one(sizes: list[int], chunk_size: int, n_workers: int) -> None:
    """Batches of any size are cut into chunks, and every item is in one."""
    run = run_of(Stage(negative), n_workers, chunk_size=chunk_size, window=1000)
    world = World(run, sum(sizes))
    for start, size in zip(accumulate([0, *sizes]), sizes, strict=False):
        run.admit(list(range(start, start + size)), 0.0)
    run.exhaust(0.0)
    world.n_pulled = sum(sizes)
    world.finish()
    assert world.outcomes == {i: -i for i in range(sum(sizes))}


def test_waiting_items_hold_no_worker() -> None:
    """While two items wait for their next attempt, two workers have others."""
    run = run_of(Stage(negative, Retry(2, backoff=0.5, jitter="none")), 2, window=20)
    world = World(run, 12, {0: 1, 1: 1})
    for _ in range(12):
        world.happen(world.pull)
    for _ in range(2):
        world.happen(world.take)
    for _ in range(2):
        world.happen(lambda: world.step(0))
    assert world.busy == []
    assert run.n_startable == 2
    world.happen(world.take)
    assert world.busy[0].items == [2]


def test_deferred_items_come_behind_the_others() -> None:
    """With when="end" a failed item has its next attempt when all others have had their first."""
    run = run_of(Stage(negative, Retry(2, backoff=0.0, when="end")), 1, window=10, chunk_size=1)
    world = World(run, 5, {0: 1, 2: 1})
    world.finish()
    assert [item for _, item in world.starts] == [0, 1, 2, 3, 4, 0, 2]


def test_deferred_items_do_not_fill_the_window_for_ever() -> None:
    """When all that may be in the run waits for its end, it has its turn now."""
    run = run_of(Stage(negative, Retry(2, backoff=0.0, when="end")), 1, window=2, chunk_size=1)
    world = World(run, 6, dict.fromkeys(range(6), 1))
    world.finish()
    assert world.outcomes == {i: -i for i in range(6)}


def test_a_chunk_that_takes_too_long_shares_what_it_has_not_begun() -> None:
    """What is done of it is handed over, and the rest goes to others, in front."""
    run = run_of(Stage(negative), 2, window=100, chunk_size=4)
    run.admit(list(range(8)), 0.0)
    world = World(run, 8, n_pulled=8)
    world.happen(world.take)
    for _ in range(2):
        world.happen(lambda: world.step(0))
    world.now = 1.0
    world.happen(lambda: run.due(world.now))
    assert world.outcomes == {0: 0, 1: -1}
    world.happen(world.take)
    assert list(world.busy[1].items) == [2, 3]


def test_an_item_that_takes_too_long_has_failed_and_its_late_value_is_dropped() -> None:
    """Its worker may go on, but the run does not wait for it, nor count it free before it is back."""
    run = run_of(Stage(negative), 1, task_timeout=1.0)
    run.admit([0], 0.0)
    run.exhaust(0.0)
    world = World(run, 1, n_pulled=1)
    world.happen(world.take)
    world.happen(world.wait)
    assert isinstance(world.outcomes[0], TimedOut)
    assert run.is_over
    assert run.take(2.0) is None
    world.happen(lambda: world.step(0))
    assert world.ends == {0: 1}


def test_a_deadline_ends_everything_and_keeps_what_is_done() -> None:
    """What a worker has done of a chunk counts, although it never comes back."""
    run = run_of(Stage(negative), 1, deadline=5.0, chunk_size=3)
    run.admit([0, 1, 2], 0.0)
    world = World(run, 3, n_pulled=3)
    world.happen(world.take)
    world.happen(lambda: world.step(0))
    world.now = 5.0
    world.happen(lambda: run.due(world.now))
    assert (run.status, run.is_over, world.outcomes) == ("timed out", True, {0: 0})


def test_a_wait_that_would_cross_the_deadline_is_not_begun() -> None:
    """The item fails at once, with its own error."""
    run = run_of(Stage(negative, Retry(5, backoff=10.0, jitter="none")), 1, deadline=5.0)
    world = World(run, 1, {0: 5})
    world.finish()
    assert isinstance(world.outcomes[0], ValueError)
    assert run.status is None


def test_a_stopped_run_still_ends_at_its_deadline() -> None:
    """A stop waits for what is running, but no longer than until then."""
    run = run_of(Stage(negative), 1, deadline=5.0)
    run.admit([0], 0.0)
    world = World(run, 1, n_pulled=1)
    world.happen(world.take)
    world.happen(world.stop)
    assert not run.is_over
    world.happen(world.wait)
    assert (run.status, run.is_over) == ("cancelled", True)


def test_too_many_errors_end_the_run() -> None:
    """Those that are running come to their end."""
    run = run_of(Stage(negative), 2, window=10, max_errors=2)
    world = World(run, 10, {0: 1, 1: 1})
    world.finish()
    assert run.status == "aborted"
    assert isinstance(world.outcomes[1], ValueError)
    assert world.n_pulled <= 10
    assert len(world.starts) < 10


def test_items_pass_all_stages() -> None:
    """What one stage returned is the item of the next, without waiting for the others."""
    stages = [Stage(negative), Stage(negative, index=1)]
    run = Run(stages, 1, window=4, chunk_size=1, waits_for_reader=True)
    world = World(run, 3)
    world.finish()
    assert world.outcomes == {0: 0, 1: 1, 2: 2}
    assert [item for _, item in world.starts] == [0, 0, 1, -1, 2, -2]


def test_a_source_that_fails_lets_the_others_end() -> None:
    """Its error is kept for after them."""
    run = run_of(Stage(negative), 1)
    run.admit([0], 0.0)
    run.exhaust(0.0, OSError("gone"))
    world = World(run, 1, n_pulled=1)
    world.finish()
    assert world.outcomes == {0: 0}
    assert isinstance(run.source_error, OSError)
    assert run.is_over


def test_the_grain_follows_what_items_take() -> None:
    """Quick items are handed over in larger chunks, slow ones one by one."""
    run = Run([Stage(negative)], 1, window=50_000)
    run.admit(list(range(50_000)), 0.0)
    sizes = []
    for _ in range(16):
        chunk = run.take(0.0)
        assert chunk is not None
        sizes.append(len(chunk.items))
        assert chunk.run(partial(run_chunk_by, lambda: 0.0)) is None
        run.end(chunk, 0.0)
    assert sizes[:4] == [1, 8, 64, 512]
    assert max(sizes) == 4096


def test_refused_values_are_failures() -> None:
    """What retry_result refuses is tried again, and at the end is an error that has the value."""
    retry = Retry(2, backoff=0.0, retry_result=lambda value: value < 0)
    run = Run([Stage(refusing(negative, lambda value: value < 0), retry)], 1)
    run.admit([1], 0.0)
    run.exhaust(0.0)
    for _ in range(2):
        chunk = run.take(0.0)
        assert chunk is not None
        error = chunk.run(partial(run_chunk_by, lambda: 0.0))
        assert error is not None
        run.end(chunk, 0.0, judge(chunk, error, 0.0))
    [block] = run.finished
    assert block.attempts == 2
    assert getattr(block.error, "value", None) == -1


@pytest.mark.parametrize("rate", [10.0, math.inf])
def test_a_paid_start_waits_for_its_time(rate: float) -> None:
    """With a limiter a worker gets an item only when it may start now; else there is a time to ask again."""
    limiter = Limiter(RateLimit(rate)) if rate < math.inf else None
    run = run_of(Stage(negative, None, limiter), 2, window=5)
    world = World(run, 2)
    world.happen(world.pull)
    world.happen(world.pull)
    world.happen(world.take)
    world.happen(world.take)
    assert len(world.busy) == (1 if limiter else 2)
    assert run.timers.next_due == (pytest.approx(0.1) if limiter else math.inf)


@pytest.mark.parametrize("burst", [1, 5])
def test_who_has_a_start_is_the_one_to_ask_for_the_next(burst: int) -> None:
    """Nobody is called to ask as well before the limiter knows of it; and then only if there is room."""
    run = run_of(Stage(negative, None, Limiter(RateLimit(10.0, burst=burst))), 3, window=9, chunk_size=1)
    run.workers_pay = True
    run.admit(list(range(9)), 0.0)
    chunk = run.take(0.0)
    assert chunk is not None
    assert (run.n_startable, run.take(0.0)) == (0, None)
    assert chunk.stage.limiter is not None
    chunk.stage.limiter.started(0.0)
    run.has_begun(chunk, 0.0)
    assert run.n_startable == (1 if burst > 1 else 0)
    assert run.timers.next_due == (math.inf if burst > 1 else pytest.approx(0.1))
    run.due(0.1)
    assert run.n_startable == 1


def test_a_worker_that_goes_on_leaves_the_limiter_to_others_when_it_is_late() -> None:
    """While the others of its chunk may follow soon, nobody else asks; after a while they are not waited for."""
    run = run_of(Stage(negative, None, Limiter(RateLimit(1000.0))), 2, window=10, chunk_size=3)
    run.workers_pay = True
    run.admit(list(range(10)), 0.0)
    chunk = run.take(0.0)
    assert chunk is not None
    assert chunk.claim()
    assert chunk.stage.limiter is not None
    chunk.stage.limiter.started(0.0)
    run.has_begun(chunk, 0.0)
    assert run.n_startable == 0
    run.due(1.0)
    assert run.n_startable == 1
    other = run.take(1.0)
    assert other is not None
    assert list(other.items) == [1, 2]


def test_a_start_that_comes_too_late_is_given_back() -> None:
    """A worker that was stopped between getting a chunk and beginning it finds that the items are others' now, and keeps none."""
    run = run_of(Stage(negative, None, Limiter(RateLimit(1000.0, burst=5))), 2, window=10, chunk_size=3)
    run.workers_pay = True
    run.admit(list(range(3)), 0.0)
    chunk = run.take(0.0)
    assert chunk is not None
    run.due(1.0)
    assert not chunk.claim()
    other = run.take(1.0)
    assert other is not None
    assert list(other.items) == [0, 1, 2]
    run.end(chunk, 1.0)
    assert (other.claim(), other.take_all(), run.n_startable) == (True, [0, 1, 2], 0)
