"""A job: its chunks, its seats, and how it ends."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from threads import collide


@pytest.fixture(scope="module")
def task(probe: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """A job whose body counts its items."""
    made: Callable[..., Any] = probe("job").Task
    return made


@pytest.mark.parametrize(("n_items", "grain"), [(100, 10), (101, 10), (1, 10), (0, 10)])
def test_chunks_cover_the_items(task: Callable[..., Any], n_items: int, grain: int) -> None:
    """All chunks together run every item once; the last one may be short."""
    job = task(n_items, grain, 3)
    for chunk in range(job.n_chunks):
        job.run(chunk)
    np.testing.assert_array_equal(job.times_run, np.ones(n_items, np.uint8))


def test_chunks_are_shared_out_among_the_seats(task: Callable[..., Any]) -> None:
    """Each seat begins with a contiguous share."""
    assert task(100, 10, 3).bounds == [(0, 3), (3, 6), (6, 10)]


def test_the_owner_has_seat_0(task: Callable[..., Any]) -> None:
    """Helpers get the other seats, the one that they prefer if it is free, and -1 when all are taken."""
    job = task(100, 10, 3)
    assert [job.take_seat(2), job.take_seat(2)] == [2, 1]
    assert not job.has_free_seat
    assert job.take_seat(1) == -1
    job.leave_seat(2)
    assert job.has_free_seat
    assert job.take_seat(0) == 2


def test_a_thief_takes_the_back_half_of_anothers_run(task: Callable[..., Any]) -> None:
    """Whoever has run out takes half of some run that is not empty, until all are."""
    job = task(8, 1, 4)
    while job.take(1) is not None:
        pass
    assert job.steal(1)
    assert job.bounds in [
        [(0, 1), (1, 2), (4, 6), (6, 8)],
        [(0, 2), (5, 6), (4, 5), (6, 8)],
        [(0, 2), (7, 8), (4, 6), (6, 7)],
    ]


def test_thieves_choose_their_victims_by_lot(task: Callable[..., Any]) -> None:
    """Whoever steals again and again robs everybody, not its neighbour first, so thieves do not follow each other around."""
    job = task(4096, 1, 4)
    robbed = set()
    while job.take(1) is not None:
        pass
    for _ in range(20):
        before = job.bounds
        assert job.steal(1)
        robbed.add(next(seat for seat in (0, 2, 3) if job.bounds[seat] != before[seat]))
        while job.take(1) is not None:
            pass
    assert robbed == {0, 2, 3}


def test_a_thief_finds_nothing_where_nothing_is(task: Callable[..., Any]) -> None:
    """With all runs empty there is nobody to rob."""
    empty = task(0, 1, 4)
    assert not empty.steal(1)


def test_a_stopped_job_starts_no_chunk(task: Callable[..., Any]) -> None:
    """A job lives until it is stopped."""
    job = task(10, 1, 1)
    assert job.is_live
    job.stop()
    assert not job.is_live


def test_stopping_reaches_nested_jobs(task: Callable[..., Any]) -> None:
    """What is nested in a stopped job, at any depth, stops too, and the job around a stopped one does not."""
    outer = task(10, 1, 1)
    middle = task(10, 1, 1, outer)
    inner = task(10, 1, 1, middle)
    inner.stop()
    assert [outer.is_live, middle.is_live, inner.is_live] == [True, True, False]
    outer.stop()
    assert [outer.is_live, middle.is_live, inner.is_live] == [False, False, False]


def test_a_fork_ends_the_childs_copy(task: Callable[..., Any]) -> None:
    """In a forked child a job that began before starts no chunk."""
    job = task(10, 1, 1)
    job.fork()
    assert job.was_forked
    assert not job.is_live


def test_the_first_error_by_chunk_is_kept(task: Callable[..., Any]) -> None:
    """Whatever the order in which chunks fail, the one with the lowest index is told, with its code."""
    job = task(1000, 10, 2)
    assert not job.error
    for chunk, code in [(50, 7), (20, 2**31 - 1), (90, 3)]:
        job.fail(chunk, code)
    assert job.error == (20, 2**31 - 1)
    assert not job.is_live


def test_a_failing_body_fails_its_job(task: Callable[..., Any]) -> None:
    """What a body answers is the job's code, at the chunk that it was running."""
    job = task(100, 10, 1)
    job.fail_from(70)
    job.run(6)
    assert job.error is None
    job.run(7)
    assert job.error == (7, 71)


def test_floating_point_flags_are_collected(task: Callable[..., Any]) -> None:
    """A flag that one chunk raises stays, whatever chunks come after."""
    job = task(100, 10, 1)
    job.divide_by_zero(33)
    job.run(2)
    assert not job.divided_by_zero
    job.run(3)
    job.run(4)
    assert job.divided_by_zero


@pytest.mark.parametrize(("n_seats", "n_threads"), [(1, 3), (2, 2), (3, 3), (3, 6), (8, 8)])
def test_every_item_is_run_once(task: Callable[..., Any], n_seats: int, n_threads: int) -> None:
    """Threads that come and go, more of them than seats, run every item exactly once, and nobody sits on another's lap."""
    job = task(200_000, 3, n_seats, None, n_threads)
    job.leave_seat(0)  # the owner comes and goes like the others here
    collide(partial(job.take_part, index % n_seats, index) for index in range(n_threads))
    np.testing.assert_array_equal(job.times_run, np.ones(200_000, np.uint8))
    assert job.times_on_a_lap == 0


def test_after_an_error_no_chunk_starts(task: Callable[..., Any]) -> None:
    """Each thread ends at most the chunk that it was in, and the lowest of the failed ones is told."""
    n_threads, grain = 4, 10
    job = task(1_000_000, grain, n_threads, None, n_threads)
    job.leave_seat(0)
    job.fail_from(0)  # all fail
    collide(partial(job.take_part, index, index) for index in range(n_threads))
    started = np.flatnonzero(job.times_run) // grain
    chunk, code = job.error
    assert np.unique(started).size <= n_threads
    assert chunk == started[0]
    assert code == 1 + chunk * grain


@pytest.mark.parametrize("n_seats", [2, 7, 64])
@pytest.mark.parametrize("place", ["first", "last", "middle"])
def test_skew_is_balanced(task: Callable[..., Any], n_seats: int, place: str) -> None:
    """Where a twentieth of the chunks cost a hundred times as much, all end within 1.25 of the ideal time and one chunk."""
    n_chunks = 64 * n_seats
    costs = np.ones(n_chunks)
    n_dear = n_chunks // 20
    begin = {"first": 0, "last": n_chunks - n_dear, "middle": n_chunks // 2}[place]
    costs[begin : begin + n_dear] = 100.0
    end = task(n_chunks, 1, n_seats).simulate(costs, 0.1)
    assert end <= 1.25 * costs.sum() / n_seats + costs.max()


def test_a_static_division_would_fail_the_test_of_skew(task: Callable[..., Any]) -> None:
    """The bound means something: where stealing costs more than all the work, the same job ends far beyond it."""
    costs = np.ones(128)
    costs[:6] = 100.0
    end = task(128, 1, 2).simulate(costs, 1e9)
    assert end > 1.25 * costs.sum() / 2 + costs.max()
