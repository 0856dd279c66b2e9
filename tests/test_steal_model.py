"""The steal protocol in simulation, on more workers than a test machine has."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.steal_model import PROFILES, Costs, Outcome, Profile, cut, efficiency, simulate

FREE = Costs(take=0, steal=0, unpark=0, wake=0)

chunk_costs = st.lists(st.integers(0, 100_000), min_size=1, max_size=200)
n_workers = st.integers(1, 40)
prices = st.builds(Costs, *[st.integers(0, 50_000)] * 4)


@given(chunk_costs, n_workers, prices)
def test_every_chunk_runs_once(chunks: list[int], workers: int, costs: Costs) -> None:
    """Whatever the costs, no chunk is lost and none runs twice."""
    assert simulate(chunks, workers, costs).times_run == [1] * len(chunks)


@given(chunk_costs, n_workers, prices)
def test_no_schedule_beats_the_ideal(chunks: list[int], workers: int, costs: Costs) -> None:
    """A job takes at least its share of the work, and at least its longest chunk."""
    outcome = simulate(chunks, workers, costs)
    assert outcome.makespan >= outcome.ideal
    assert outcome.makespan >= max(chunks) + costs.take


@given(chunk_costs, n_workers)
def test_no_worker_rests_while_there_are_chunks(chunks: list[int], workers: int) -> None:
    """With steps that cost nothing, the makespan keeps Graham's bound for schedules without idling."""
    outcome = simulate(chunks, workers, FREE)
    assert outcome.makespan <= outcome.ideal + max(chunks) * (workers - 1) / workers


@given(chunk_costs, prices)
def test_one_worker_takes_the_sum(chunks: list[int], costs: Costs) -> None:
    """A lone caller runs chunk after chunk, wakes nobody and steals nothing."""
    outcome = simulate(chunks, 1, costs)
    assert outcome.makespan == sum(chunks) + costs.take * len(chunks)
    assert outcome.steals == [0]


@given(st.integers(1, 500), st.integers(1, 10_000), st.integers(0, 100))
def test_two_workers_halve_even_work(half: int, cost: int, take: int) -> None:
    """Awake at once, two workers run a half each, to the nanosecond."""
    outcome = simulate([cost] * (2 * half), 2, Costs(take=take, steal=0, unpark=0, wake=0))
    assert outcome.makespan == half * (cost + take)


@given(st.integers(1, 500), st.integers(1, 1000))
def test_a_caller_left_alone_steals_everything(half: int, cost: int) -> None:
    """If its helper comes too late, the caller steals the helper's run by halves, one steal for each halving."""
    outcome = simulate([cost] * (2 * half), 2, Costs(take=1, steal=7, unpark=11, wake=10**9))
    n_steals = half.bit_length()
    assert outcome.steals == [n_steals, 0]
    assert outcome.makespan == 11 + 2 * half * (cost + 1) + 7 * n_steals


def test_a_thief_takes_the_back_half() -> None:
    """Four chunks, the first of them long: the helper eats its own two, then steals the one behind the long one."""
    outcome = simulate([100, 10, 10, 10], 2, Costs(take=0, steal=5, unpark=0, wake=1))
    assert outcome == Outcome(makespan=100, ideal=65.0, times_run=[1, 1, 1, 1], steals=[0, 1])


def test_waking_is_a_tree() -> None:
    """Each who joins wakes two, so seven workers are awake after two wake-ups in a row, and fifteen after three."""
    costs = Costs(take=0, steal=0, unpark=0, wake=100)
    assert simulate([1_000] * 7, 7, costs).makespan == 2 * 100 + 1_000
    assert simulate([1_000] * 15, 15, costs).makespan == 3 * 100 + 1_000


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("workers", [2, 16, 64])
def test_ten_milliseconds_of_any_work_are_balanced(profile: Profile, workers: int) -> None:
    """In chunks of 20 microseconds, up to 64 workers are busy nine tenths of the time, however uneven the work."""
    assert efficiency(profile, workers, 10_000, 500, Costs()) >= 0.9


@pytest.mark.parametrize("profile", PROFILES)
def test_a_thousand_workers_share_work(profile: Profile) -> None:
    """At 1 024 workers, ten milliseconds of any work lose less than a tenth to waking and stealing."""
    assert efficiency(profile, 1024, 10_000, 500, Costs()) >= 0.9


@given(st.sampled_from(PROFILES), st.integers(1, 300), st.integers(1, 10**9))
def test_a_profile_gives_all_of_the_work_away(profile: Profile, n_chunks: int, total: int) -> None:
    """However a job is cut, its chunks' costs add up to its own, and none is negative."""
    chunks = cut(profile, n_chunks, total)
    assert len(chunks) == n_chunks
    assert sum(chunks) == total
    assert min(chunks) >= 0
