"""How a pool says that it is."""

import dataclasses
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from held import Held

import lightwork as lw

SECONDS = 30


@pytest.fixture
def pool() -> Iterator[lw.Pool]:
    """A pool of two workers."""
    with lw.Pool(2) as pool:
        yield pool


def test_a_pool_that_has_nothing_to_do_is_well(pool: lw.Pool) -> None:
    """Before its first call, and after its last."""
    assert pool.health() == lw.Health("ok", "0 of 2 workers are in calls, and 0 more wait", 0, 0, 0, None)
    pool.submit(int).result(SECONDS)
    health = pool.health()
    assert health and health.status == "ok"
    assert health.n_threads >= 1


def test_a_pool_that_has_as_much_as_it_can_do_is_saturated(pool: lw.Pool) -> None:
    """While all its workers are in calls and others wait; it is well, and tells how long the next one has waited."""
    held = Held(pool, 2)
    assert pool.health().status == "ok"
    waiting = [pool.submit(int) for _ in range(3)]
    first, second = pool.health(), pool.health()
    assert first and first.status == "saturated"
    assert first.reason == "all 2 workers are in calls, and 3 more wait"
    assert (first.n_threads, first.running, first.waiting) == (2, 2, 3)
    assert first.oldest_seconds is not None and second.oldest_seconds is not None
    assert 0 < first.oldest_seconds < second.oldest_seconds <= waiting[0].waited
    held.release()
    lw.gather(waiting)
    assert pool.health().oldest_seconds is None


def test_runs_over_items_saturate_a_pool_too(pool: lw.Pool) -> None:
    """Its workers are in their items, and calls wait."""
    barrier, release = threading.Barrier(3), threading.Event()

    def hold(_: int) -> None:
        barrier.wait(SECONDS)
        release.wait(SECONDS)

    run = threading.Thread(target=partial(lw.parallel_map, hold, range(2), executor=pool, retry=lw.Retry(1)))
    run.start()
    barrier.wait(SECONDS)
    handle = pool.submit(int)
    assert pool.health().status == "saturated"
    release.set()
    run.join()
    assert handle.result(SECONDS) == 0


def test_a_pool_whose_initializer_failed_is_broken() -> None:
    """It says where to look."""
    with lw.Pool(1, initializer=int, initargs=("x",)) as pool:
        assert pool.health()
        pool.submit(int).exception(SECONDS)
        health = pool.health()
    assert not health and health.status == "broken"
    assert "initializer failed" in health.reason


def test_a_pool_that_was_shut_down_is_not_well(pool: lw.Pool) -> None:
    """It takes no more calls, also while it finishes those that it has."""
    held = Held(pool, 2)
    handle = pool.submit(int)
    pool.shutdown(wait=False)
    health = pool.health()
    assert not health and health.status == "shut down"
    assert (health.running, health.waiting) == (2, 1)
    held.release()
    assert handle.result(SECONDS) == 0


def test_an_answer_is_frozen(pool: lw.Pool) -> None:
    """It tells of a moment."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        pool.health().waiting = 7  # type: ignore[misc]


def test_a_call_that_was_cancelled_waits_no_more(pool: lw.Pool) -> None:
    """A pool that has nothing else to do is not saturated by it."""
    held = Held(pool, 2)
    assert pool.submit(int).cancel()
    health = pool.health()
    assert (health.status, health.waiting, health.oldest_seconds) == ("ok", 0, None)
    held.release()
