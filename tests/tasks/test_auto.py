"""`executor="auto"`: the first items show who runs the others."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import pickle
import sys
import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lightwork as lw
from lightwork.processes.files import NoRoomError
from lightwork.processes.segment import Segment
from lightwork.tasks import auto, forecast
from lightwork.tasks import sounding as sounding_module
from lightwork.tasks.decision import TOO_LITTLE, Decision, Outlook, decide
from lightwork.tasks.forecast import cost_of
from lightwork.tasks.options import Options
from lightwork.tasks.probe import Cost, pickle_cost
from lightwork.tasks.sounding import Sounding, Tally, Typical, typical
from lightwork.tasks.travel import can_travel
from lightwork.testing import MockClock, serial

HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()

PYTHON = Cost(cpu_seconds=1e-3, wait_seconds=0.0, cpus=1.0, overlap=0.0, pickle_seconds=1e-6, pickled_bytes=100)
WARM = Outlook(n_items=1000, n_threads=8, n_processes=4, n_warm=4, n_cpus=4)


def cost(**change: Any) -> Cost:
    """A millisecond of Python, but for what is said."""
    return Cost(**{**PYTHON.__dict__, **change})


def square(x: int) -> int:
    """Compute next to nothing."""
    return x * x


def nap(x: int) -> int:
    """Wait as for a network."""
    time.sleep(0.02)
    return x


def where(_: object) -> int:
    """Tell the process."""
    return os.getpid()


def where_with(_: object, **__: object) -> int:
    """Tell the process, whatever else there is."""
    return os.getpid()


def refuse_odd(x: int) -> int:
    """Fail for every other item."""
    if x % 2:
        raise ValueError(x)
    return x


# --- The decision, by figures ---


@pytest.mark.parametrize(
    ("change", "outlook", "choice"),
    [
        pytest.param({}, WARM, "process", id="Python"),
        pytest.param({}, WARM._replace(n_warm=0), "serial", id="Python that is done before a process has begun"),
        pytest.param({}, WARM._replace(n_warm=0, n_items=100_000), "process", id="much Python"),
        pytest.param({}, WARM._replace(n_items=None, n_warm=0), "process", id="nobody knows how much"),
        pytest.param({}, WARM._replace(n_items=3), "serial", id="three items"),
        pytest.param({"cpu_seconds": 1e-7}, WARM, "serial", id="nothing to do"),
        pytest.param({"overlap": 1.0}, WARM, "thread", id="the GIL is let go"),
        pytest.param({"overlap": 1.0, "cpu_seconds": 5e-6}, WARM, "serial", id="the GIL is let go for moments"),
        pytest.param({"wait_seconds": 0.1}, WARM, "thread", id="it waits"),
        pytest.param({"wait_seconds": 0.1}, WARM._replace(n_items=2), "thread", id="two that wait"),
        pytest.param({"wait_seconds": 0.1}, WARM._replace(n_items=1), "serial", id="one that waits"),
        pytest.param({"pickle_seconds": 2e-3}, WARM, "serial", id="pickling takes longer"),
        pytest.param({"pickled_bytes": 8_000_000}, WARM, "serial", id="it is large"),
        pytest.param({"pickle_seconds": None, "obstacle": "a lock"}, WARM, "serial", id="it cannot be pickled"),
        pytest.param({"cpus": 4.0, "cpu_seconds": 4e-3}, WARM, "serial", id="it has threads of its own"),
        pytest.param({}, WARM._replace(n_cpus=1, n_processes=1), "serial", id="one CPU"),
        pytest.param({"overlap": 1.0}, WARM._replace(has_gil=False), "thread", id="no GIL"),
        pytest.param({}, WARM._replace(has_gil=False), "serial", id="no GIL, and a lock"),
    ],
)
def test_the_figures_decide(change: dict[str, Any], outlook: Outlook, choice: str) -> None:
    """Each of these alone turns the decision."""
    assert decide(cost(**change), outlook).choice == choice


seconds = st.floats(0.0, 1.0)
counts = st.integers(0, 10**6)


@given(seconds, seconds, st.floats(1.0, 8.0), st.floats(0.0, 1.0), st.none() | seconds, st.none() | counts, st.integers(1, 9), st.booleans())
def test_no_choice_is_expected_to_be_slower_than_the_caller(
    cpu: float, wait: float, cpus: float, overlap: float, pickles: float | None, n_items: int | None, n_workers: int, has_gil: bool
) -> None:
    """Whatever the figures; without a GIL no processes are chosen, and without pickles neither."""
    decision = decide(Cost(cpu, wait, cpus, overlap, pickles, 0), Outlook(n_items, n_workers, n_workers, 0, n_workers, has_gil))
    assert decision.estimate is not None
    expected: float | None = getattr(decision.estimate, decision.choice)
    assert expected is not None
    assert decision.estimate.serial - expected >= 0
    assert decision.choice == "serial" or decision.estimate.serial >= TOO_LITTLE
    assert decision.choice != "process" or (has_gil and pickles is not None)


def test_a_decision_tells_its_reasons() -> None:
    """In words, and with the figures; it is a value that can be sent."""
    decision = decide(PYTHON, WARM)
    assert str(decision).splitlines() == [
        "process: the items hold the GIL, and are worth the journey",
        "  a call computes for 1 ms and waits for 0 ns",
        "  of two threads' calls 0% run side by side; the rest is kept apart by the GIL or by a lock",
        "  an item and its result are pickled in 1 µs, to 100 bytes",
        "  what is left would take 1 s by serial, 1.02 s by thread, 258 ms by process",
    ]
    assert pickle.loads(pickle.dumps(decision)) == decision
    assert "a lock" in decide(cost(pickle_seconds=None, obstacle="a lock"), WARM).reason
    with pytest.raises(AttributeError):
        decision.choice = "serial"  # type: ignore[misc]


# --- What is measured ---


def test_calls_are_measured_by_the_clock_and_the_threads_cpu_time() -> None:
    """What the clock says that the thread's CPU time does not is waiting."""
    with MockClock() as clock:
        sounding = Sounding(lambda seconds: clock.advance(seconds), clock.now)
        for seconds_ in (1.0, 3.0):
            sounding(seconds_)
        measured = typical(sounding.tallies())
    assert measured.n_calls == 2
    assert measured.seconds == pytest.approx(2.0, abs=0.1)
    assert measured.wait_share > 0.9
    assert measured.n_at_once == pytest.approx(1.0)
    sounding.begin_anew()
    assert typical(sounding.tallies()) == Typical(0, 0.0, 0.0, 0.0)


class BusyMachine:
    """A clock, and a system that tells for how long others had the CPU."""

    def __init__(self, clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
        self._clock = clock
        self._delay = 7.0
        monkeypatch.setattr("lightwork.tasks.sounding.delay_of", lambda _thread: self._delay)

    def sleep(self, seconds: float) -> None:
        """Let time pass in which nobody wants a CPU."""
        self._clock.advance(seconds)

    def starve(self, seconds: float) -> None:
        """Let time pass in which others have it."""
        self._delay += seconds
        self._clock.advance(seconds)


def test_waiting_for_a_cpu_is_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says how long that was."""

    def call(_item: int) -> None:
        machine.starve(2.5)
        machine.sleep(0.5)

    with MockClock() as clock:
        machine, sounding = BusyMachine(clock, monkeypatch), Sounding(call, clock.now)
        for item in range(2):
            sounding(item)
        assert typical(sounding.tallies()).wait_seconds == pytest.approx(0.5, abs=0.1)


def test_waiting_for_a_cpu_between_calls_is_no_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that is slow to look at what its first call took must not find that it had not waited."""
    with MockClock() as clock:
        machine = BusyMachine(clock, monkeypatch)
        sounding = Sounding(machine.sleep, clock.now)
        for _ in range(2):
            sounding(0.5)
            machine.starve(2.5)
            assert typical(sounding.tallies()).wait_seconds == pytest.approx(0.5, abs=0.1)


def test_losing_the_cpu_just_after_a_call_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is asked after the call, and others may come in between."""
    with MockClock() as clock:
        machine = BusyMachine(clock, monkeypatch)
        delay_of = sounding_module.delay_of

        def delay_of_late(thread: int) -> float:
            machine.starve(2.5)
            return delay_of(thread)

        tally = Tally(1, clock.now())
        monkeypatch.setattr("lightwork.tasks.sounding.delay_of", delay_of_late)
        machine.sleep(0.5)
        tally.end(tally.began, 0.0, clock.now)
    assert tally.wait_seconds == pytest.approx(0.5)


def test_calls_of_two_threads_are_at_once() -> None:
    """The sum of their times, by the time from the first beginning to the last end."""
    tallies = [Tally(0, 0.0), Tally(0, 1.0)]
    for tally in tallies:
        tally.ended, tally.n_calls, tally.seconds, tally.cpu_seconds = tally.began + 3.0, 2, 3.0, 3.0
    assert typical(tallies) == Typical(4, 1.5, 0.0, 1.5)


@pytest.mark.parametrize(
    ("beside", "overlap"),
    [
        pytest.param(None, 0.0, id="nobody has looked"),
        pytest.param(Typical(9, 1e-3, 0.0, 2.0), 1.0, id="side by side"),
        pytest.param(Typical(9, 1e-3, 1e-3, 2.0), 0.0, id="each waits for the other"),
        pytest.param(Typical(9, 2e-3, 0.0, 2.0), 0.0, id="each slows the other down"),
        pytest.param(Typical(9, 1.25e-3, 0.0, 2.0), 0.6, id="a little"),
        pytest.param(Typical(9, 1e-3, 0.0, 1.0), 0.0, id="they did not come at the same time"),
    ],
)
def test_what_two_threads_gain_is_measured(beside: Typical | None, overlap: float) -> None:
    """Of what another CPU would give them; nothing, as long as nothing was seen."""
    assert cost_of(Typical(9, 1e-3, 0.0, 1.0), beside, 1.0).overlap == pytest.approx(overlap)


def test_without_loky_no_processes_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A main program without a guard would be run by them."""
    monkeypatch.setattr(forecast, "is_robust", lambda: False)
    monkeypatch.setattr(forecast, "has_gil", lambda: True)
    monkeypatch.setattr(forecast, "cpu_budget", lambda: 4)
    monkeypatch.setattr(forecast, "n_missing", lambda _options: 1)
    decision = forecast.foretell(cost(pickle_seconds=None), None, [(square, 1, 1)], Options(workers=4))
    assert decision.choice == "serial"
    assert "loky is not installed" in decision.reason


def test_what_travels_by_its_contents_is_tried_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that has a name, and refers to a lock, where that is sent along."""

    def refuse(_: object) -> bytes:
        raise TypeError("cannot pickle a lock")

    monkeypatch.setattr("lightwork.tasks.travel.dumps", refuse)
    assert not can_travel(square)
    assert pickle_cost(square, 1, 1, travels=can_travel) == (None, 0, "the function cannot be pickled with all that it refers to")


# --- Whole runs ---


def test_nothing_is_run_twice_and_all_is_there() -> None:
    """Values, in order, by whatever way; and the decision with them."""
    calls: Counter[int] = Counter()

    def count(x: int) -> int:
        calls[x] += 1
        return square(x)

    result = lw.parallel_map(count, range(5000), executor="auto")
    assert list(result) == list(map(square, range(5000)))
    assert set(calls.values()) == {1}
    assert len(calls) == 5000
    assert isinstance(result.decision, Decision)
    assert all(each.attempts == 1 and (each.duration or 0.0) >= 0 for each in result.item_results())


def test_items_that_wait_are_for_threads(caplog: pytest.LogCaptureFixture) -> None:
    """One of them is waited for alone, and the log says why."""
    with caplog.at_level(logging.DEBUG, "lightwork"):
        result = lw.parallel_map(nap, range(40), executor="auto")
    assert list(result) == list(range(40))
    assert result.decision is not None
    assert result.decision.choice == "thread"
    assert "auto: thread: the items wait" in caplog.text


def test_what_takes_no_time_stays_with_the_caller() -> None:
    """All of it, in the calling thread; the clock stands still, since a busy machine may take the CPU away from any item for long."""
    with MockClock():
        threads = lw.parallel_map(lambda _: threading.get_ident(), range(50), executor="auto")
    assert threads.decision is not None
    assert threads.decision.choice == "serial"
    assert set(threads) == {threading.get_ident()}


def test_time_that_others_had_says_nothing_about_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first look is over before a second item had its turn, and the first waited for the GIL, others are looked at."""
    look = auto.Scout.has_seen
    n_looks = 0

    def look_late(scout: auto.Scout, run: Any, crew: Any) -> bool:
        nonlocal n_looks
        n_looks += 1
        if n_looks == 2:
            clock.advance(0.01)
        return look(scout, run, crew)

    monkeypatch.setattr(auto.Scout, "has_seen", look_late)
    with MockClock() as clock:
        result = lw.parallel_map(lambda x: clock.advance(0.0 if x else 150e-6), range(50), executor="auto")
    assert n_looks > 2
    assert result.decision is not None
    assert result.decision.choice == "serial"


def test_items_that_last_and_wait_decide_after_one_look() -> None:
    """There is no second look at what the first one showed."""
    with MockClock() as clock:
        result = lw.parallel_map(lambda _: clock.advance(0.01), range(50), executor="auto")
        assert clock.now() == pytest.approx(0.5)
    assert result.decision is not None
    assert result.decision.choice == "thread"


@pytest.mark.parametrize(("items", "options"), [([], {}), ([3], {}), ([1, 2], {"workers": 1})])
def test_some_runs_need_no_look(items: list[int], options: dict[str, Any]) -> None:
    """Those of one item, of one worker, and none."""
    result = lw.parallel_map(square, items, executor="auto", **options)
    assert list(result) == list(map(square, items))
    assert result.decision is not None
    assert result.decision.cost is None


def test_other_executors_decide_nothing() -> None:
    """There is a decision only where it was left open."""
    assert lw.parallel_map(square, [1, 2]).decision is None
    assert lw.parallel_map(square, [1, 2], executor="serial").decision is None


@pytest.fixture
def to_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decide for processes, whatever was measured."""
    monkeypatch.setattr(auto, "foretell", lambda cost, *_: Decision("process", "it is a test", cost))
    monkeypatch.setattr(auto.Scout, "_may_be_over_soon", lambda _self: False)


@pytest.mark.skipif(not HAS_GIL, reason="without a GIL no processes are chosen")
@pytest.mark.usefixtures("to_processes")
def test_processes_go_on_where_the_caller_began() -> None:
    """The first items were run here, the others there."""
    result = lw.parallel_map(where, range(200), executor="auto", workers=2)
    pids = list(result)
    assert pids[0] == os.getpid()
    assert pids[-1] != os.getpid()
    assert set(pids[pids.index(pids[-1]) :]) <= set(pids) - {os.getpid()}


@pytest.mark.skipif(not HAS_GIL, reason="without a GIL no processes are chosen")
@pytest.mark.usefixtures("to_processes")
def test_items_that_cannot_be_pickled_stay_here() -> None:
    """Also those that come later, among others that can."""
    locks: list[Any] = [threading.Lock() if i % 50 == 49 else i for i in range(400)]
    result = lw.parallel_map(where, locks, executor="auto", workers=2, chunk_size=10)
    pids = list(result)
    assert len(set(pids) - {os.getpid()}) > 0
    assert {pids[i] for i in range(400) if i % 50 == 49} == {os.getpid()}


@pytest.mark.skipif(not HAS_GIL, reason="without a GIL no processes are chosen")
@pytest.mark.usefixtures("to_processes")
def test_items_stay_here_that_there_is_no_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large arrays go into shared memory; those of the function are pickled then, as small ones are."""
    large = np.ones(200_000)

    def no_room(_directory: str | None) -> Segment:
        raise NoRoomError(errno.ENOSPC, "no room")

    monkeypatch.setattr(Segment, "make", no_room)
    items = [large if i % 50 == 49 else i for i in range(400)]
    pids = list(lw.parallel_map(lambda _: where(large), items, executor="auto", workers=2, chunk_size=10))
    assert len(set(pids) - {os.getpid()}) > 0
    assert {pids[i] for i in range(400) if i % 50 == 49} == {os.getpid()}


OPTIONS: list[dict[str, Any]] = [
    {},
    {"window": 3},
    {"workers": 2, "chunk_size": 7},
    {"retry": lw.Retry(3, backoff=0.0)},
    {"rate_limit": 1e6},
    {"timeout": 60.0},
    {"task_timeout": 60.0},
    {"stop": lw.StopToken()},
    {"ordered": False},
    {"max_errors": 100},
    {"max_in_flight": 1},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("way", ["measured", "process"])
def test_it_goes_with_every_option(options: dict[str, Any], way: str, request: pytest.FixtureRequest) -> None:
    """Failures, attempts, results as in the calling thread."""
    if way == "process":
        if not HAS_GIL:
            pytest.skip("without a GIL no processes are chosen")
        request.getfixturevalue("to_processes")
    told: list[int] = []
    result = lw.parallel_map(refuse_odd, range(60), executor="auto", on_result=lambda each: told.append(each.index), **options)
    expected = lw.parallel_map(refuse_odd, range(60), executor="serial", **options)
    assert sorted(told) == list(range(60))
    assert dict(result.successes()) == dict(expected.successes())
    assert {i: (type(error), str(error)) for i, error in result.failures()} == {i: (type(error), str(error)) for i, error in expected.failures()}
    attempts = {each.index: each.attempts for each in expected.item_results()}
    assert {each.index: each.attempts for each in result.item_results()} == attempts


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=80), st.booleans(), st.integers(1, 4), st.booleans())
def test_runs_are_as_in_the_calling_thread(items: list[int], sized: bool, attempts: int, is_ordered: bool) -> None:
    """Lists and iterators, with failures and retries, read as they come or all at once."""
    options: dict[str, Any] = {"retry": lw.Retry(attempts, backoff=0.0), "ordered": is_ordered}
    source = (lambda: items) if sized else (lambda: iter(items))
    expected = lw.parallel_map(refuse_odd, items, executor="serial", **options)
    result = lw.parallel_map(refuse_odd, source(), executor="auto", **options)
    assert sorted(result.successes()) == sorted(expected.successes())
    assert [each.index for each in sorted(lw.parallel_iter(refuse_odd, source(), executor="auto", **options), key=lambda each: each.index)] == list(
        range(len(items))
    )


def test_an_item_that_takes_too_long_is_left_alone() -> None:
    """Though it is the first: the others go on in threads, and it fails."""
    release = threading.Event()

    def hang_first(x: int) -> int:
        if x == 0:
            release.wait(60)
        return x

    try:
        result = lw.parallel_map(hang_first, range(20), executor="auto", task_timeout=0.2)
    finally:
        release.set()
    assert [i for i, _ in result.failures()] == [0]
    assert result.ok_values() == list(range(1, 20))


def test_an_item_that_takes_too_long_is_left_behind_where_the_caller_would_do_as_well() -> None:
    """Which could not leave it; a call of one item, too."""
    gate = threading.Event()

    def hang_late(item: int) -> int:
        if item == 500:
            gate.wait(60)
        return item

    for items in (range(600), [500]):
        result = lw.parallel_map(hang_late, items, executor="auto", task_timeout=0.3)
        assert [(items[index], type(error)) for index, error in result.failures()] == [(500, lw.TimedOut)]
        assert result.decision is not None and result.decision.choice == "thread"
    gate.set()


def test_a_timeout_ends_the_first_look() -> None:
    """The caller is free to leave an item alone that does not end."""
    release = threading.Event()
    try:
        result = lw.parallel_map(lambda _: release.wait(60), range(3), executor="auto", timeout=0.2)
    finally:
        release.set()
    assert result.status is lw.RunStatus.TIMED_OUT


def test_an_item_that_waits_for_its_next_attempt_holds_nobody_up() -> None:
    """What can be decided is decided without it."""
    began = time.monotonic()
    stop = lw.StopToken()

    def fail_first(x: int) -> int:
        if x == 0:
            raise ValueError
        if x == 19:
            stop.stop("enough")
        return x

    result = lw.parallel_map(fail_first, range(20), executor="auto", retry=lw.Retry(2, backoff=3600.0, jitter="none"), stop=stop)
    assert time.monotonic() - began < 60
    assert 19 in dict(result.successes())


def test_every_door_knows_it() -> None:
    """Maps, streams, tasks, stages, the decorator, and what is configured."""
    tasks = [lw.Task(square, (x,)) for x in range(5)]
    squares = [0, 1, 4, 9, 16]
    assert list(lw.parallel_starmap(pow, [(x, 2) for x in range(5)], executor="auto")) == squares
    assert [each.value for each in lw.parallel_iter(square, iter(range(5)), executor="auto", ordered=True)] == squares
    assert list(lw.run_tasks(tasks, executor="auto")) == squares
    assert {each.value for each in lw.iter_tasks(tasks, executor="auto")} == set(squares)
    assert list(lw.map_stages(range(5), square, str, executor="auto")) == list(map(str, squares))
    assert list(lw.parallel(executor="auto")(square).map(range(5))) == squares
    with lw.configure(executor="auto"):
        assert list(lw.parallel_map(square, range(5))) == squares
        assert lw.parallel_map(square, range(5)).decision is not None


def test_seeds_are_as_elsewhere() -> None:
    """An item's seed depends on its index alone."""

    def draw(_: int, rng: Any) -> int:
        return int(rng.generate_state(1)[0])

    assert list(lw.parallel_map(draw, range(30), executor="auto", rng=1)) == list(lw.parallel_map(draw, range(30), rng=1))


def test_inline_contexts_decide_for_the_caller() -> None:
    """As they do everywhere."""
    with serial():
        result = lw.parallel_map(nap, range(3), executor="auto")
    assert result.decision is not None
    assert result.decision.choice == "serial"


def test_what_an_item_raises_in_the_end_of_the_first_look_is_raised() -> None:
    """With errors="raise" the first failure ends the run, and what was done is there."""
    with pytest.raises(ValueError, match="1") as caught:
        lw.parallel_map(refuse_odd, range(10), executor="auto", errors="raise")
    assert caught.value.partial_result.successes() == [(0, 0)]  # type: ignore[attr-defined]


def test_async_doors_refuse_it() -> None:
    """They have no executors."""
    with pytest.raises(TypeError, match="executor"):
        lw.async_parallel_iter(asyncio.sleep, [0], executor="auto")  # type: ignore[call-arg]


def test_hashing_is_the_same_by_any_way() -> None:
    """Items that let go of the GIL."""
    blocks = [bytes([i]) * 200_000 for i in range(60)]
    digests = lw.parallel_map(lambda block: hashlib.sha256(block).digest(), blocks, executor="auto")
    assert list(digests) == [hashlib.sha256(block).digest() for block in blocks]
