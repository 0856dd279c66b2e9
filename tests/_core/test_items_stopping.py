"""How a run of items ends before its time: a flag, Ctrl-C, a signal handler; and what is left of it."""

import functools
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from lightwork._core.items import Outcome, StopFlag, map_items
from threads import together

SECONDS = 30  # more than anything here takes; a wait that long is a hang


class Alarm(Exception):
    """What the handler of a signal raises."""


def ring(_: int, __: FrameType | None) -> None:
    """Handle a signal."""
    raise Alarm


@contextmanager
def alarm_in(seconds: float) -> Iterator[None]:
    """Have a handler raise in the main thread after a while."""
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def in_main() -> bool:
    """Whether this is the thread that called."""
    return threading.current_thread() is threading.main_thread()


def interrupt_at(index: int) -> Callable[[int], int]:
    """Return a function that is interrupted at one item."""

    def run(item: int) -> int:
        if item == index:
            raise KeyboardInterrupt
        return item

    return run


# --- A flag ---------------------------------------------------------------------------------------------------------


def test_no_item_is_begun_after_the_flag_was_set() -> None:
    """Those that run are waited for, and count."""
    stop, begun = StopFlag(), []

    def run(item: int) -> int:
        begun.append(item)
        if item == 40:
            stop.set()
        return item

    outcome = map_items(run, range(100), n_workers=1, stop=stop, missing=-1)
    assert begun == list(range(41))
    assert outcome.values == [*range(41), *[-1] * 59]
    assert (outcome.n_finished, outcome.failures, outcome.interrupt) == (41, {}, None)
    assert stop.is_set()


def test_a_flag_that_was_set_before_lets_nothing_begin() -> None:
    """The run ends at once."""
    stop = StopFlag()
    assert not stop.is_set()
    stop.set()
    outcome = map_items(interrupt_at(0), range(100), n_workers=3, stop=stop)
    assert (outcome.values, outcome.n_finished, outcome.interrupt) == ([None] * 100, 0, None)


def test_a_flag_stops_all_workers() -> None:
    """Each ends the item it is in, which the caller waits for."""
    stop, barrier = StopFlag(), threading.Barrier(4)

    def run(item: int) -> int:
        barrier.wait(SECONDS)
        stop.set()
        time.sleep(0.01)
        return item

    outcome = map_items(run, range(1000), n_workers=4, stop=stop)
    assert (outcome.n_finished, outcome.failures, outcome.interrupt) == (4, {}, None)


def test_a_flag_is_for_its_run_only() -> None:
    """A run within an item has none, and goes on."""
    stop = StopFlag()

    def run(_: int) -> int:
        stop.set()
        return map_items(str, range(50), n_workers=2).n_finished

    assert map_items(run, range(10), n_workers=1, stop=stop).values == [50, *[None] * 9]


# --- Ctrl-C ---------------------------------------------------------------------------------------------------------


def test_an_interrupt_in_an_item_stops_the_run() -> None:
    """Whatever was finished before is there, and the item itself is neither finished nor a failure."""
    outcome = map_items(interrupt_at(30), range(100), n_workers=1)
    assert isinstance(outcome.interrupt, KeyboardInterrupt)
    assert outcome.values == [*range(30), *[None] * 70]
    assert (outcome.n_finished, outcome.failures) == (30, {})


@pytest.mark.parametrize("is_main", [True, False])
def test_an_interrupt_does_not_wait_for_other_items(is_main: bool) -> None:
    """Items that other threads are in end on their own, and their late results are dropped."""
    barrier, release = threading.Barrier(2), threading.Event()
    late: list[weakref.ref[Any]] = []

    class Late:
        """A result that nobody wants any more."""

    def run(_: int) -> Any:
        barrier.wait(SECONDS)
        if in_main() == is_main:
            raise KeyboardInterrupt
        if not is_main:
            return "early"  # the caller itself, who has to come back
        release.wait(SECONDS)
        value = Late()
        late.append(weakref.ref(value))
        return value

    outcome = map_items(run, range(2), n_workers=2)
    assert isinstance(outcome.interrupt, KeyboardInterrupt)
    assert outcome.failures == {}
    assert [value for value in outcome.values if value is not None] == ([] if is_main else ["early"])
    release.set()
    if is_main:
        wait_until(lambda: bool(late) and late[0]() is None)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_an_interrupted_run_left_behind_lets_go_in_the_end() -> None:
    """The last item in progress takes the function and the items with it."""
    barrier, release = threading.Barrier(2), threading.Event()

    def run(barrier: threading.Barrier, _: int) -> None:
        barrier.wait(SECONDS)
        if in_main():
            raise KeyboardInterrupt
        release.wait(SECONDS)

    fn = functools.partial(run, barrier)
    watch = weakref.ref(fn)
    assert map_items(fn, range(2), n_workers=2).n_finished == 0
    del fn
    assert watch() is not None
    release.set()
    wait_until(lambda: watch() is None)


def test_runs_after_an_interrupt_are_as_good_as_new() -> None:
    """Any number of them, interrupted anywhere."""
    for index in range(200):
        outcome = map_items(interrupt_at(index), range(200), n_workers=3)
        assert isinstance(outcome.interrupt, KeyboardInterrupt)
        assert outcome.values[index] is None
        assert outcome.n_finished == sum(value is not None for value in outcome.values) < 200
    assert map_items(abs, range(200), n_workers=3).values == list(range(200))


@pytest.mark.usefixtures("eager_switching")
def test_interrupts_from_many_callers() -> None:
    """Each run keeps what it finished, and values that come late do no harm."""

    def call(seed: int) -> list[Outcome]:
        return [map_items(interrupt_at(index * seed % 61), range(60), n_workers=3) for index in range(1, 100)]

    for outcomes in together([functools.partial(call, seed) for seed in (7, 11, 13, 17)]):
        for outcome in outcomes:
            finished = [value for value in outcome.values if value is not None]
            assert len(finished) == outcome.n_finished
            assert all(outcome.values[value] == value for value in finished)
            assert (outcome.interrupt is None) == (outcome.n_finished == 60)


# --- Signals --------------------------------------------------------------------------------------------------------


def test_a_handler_that_raises_ends_the_run_within_a_c_function() -> None:
    """Which has no bytecode: the caller looks for signals between items."""
    began = time.monotonic()
    with alarm_in(0.05):
        outcome = map_items(bytearray(100_000).count, [b"ab"] * 1_000_000, n_workers=1)
    assert isinstance(outcome.interrupt, Alarm)
    assert 0 < outcome.n_finished < 1_000_000
    assert time.monotonic() - began < SECONDS


def test_a_handler_that_raises_ends_the_wait_for_another_thread() -> None:
    """The caller has nothing to do any more, and need not wait for the item that goes on."""
    helping, release = threading.Event(), threading.Event()

    def run(item: int) -> int:
        if in_main():
            assert helping.wait(SECONDS)
            return item
        helping.set()
        release.wait(SECONDS)
        return item

    with alarm_in(0.2):
        outcome = map_items(run, range(2), n_workers=2)
    release.set()
    assert isinstance(outcome.interrupt, Alarm)
    assert outcome.n_finished == 1


def test_a_handler_that_raises_in_an_item_is_that_items_failure() -> None:
    """It cannot be told from an error of the item's own; only Ctrl-C can."""
    with alarm_in(0.05):
        outcome = map_items(lambda _: time.sleep(0.2), range(1), n_workers=1)
    assert outcome.interrupt is None
    assert isinstance(outcome.failures[0], Alarm)


def test_a_handler_may_map_items_itself() -> None:
    """In the middle of a run, which notices nothing."""
    inner: list[Outcome] = []

    def handle(_: int, __: FrameType | None) -> None:
        inner.append(map_items(str, range(100), n_workers=2))

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        outcome = map_items(lambda item: os.kill(os.getpid(), signal.SIGUSR1) if item % 50 == 0 else None, range(200), n_workers=2)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (outcome.n_finished, outcome.failures, outcome.interrupt) == (200, {}, None)
    assert inner
    assert all(run.values == list(map(str, range(100))) for run in inner)


def test_other_threads_go_on_beside_a_c_function() -> None:
    """They get the GIL when they have waited their time, as beside a function in Python."""
    stop, turns = threading.Event(), 0

    def count() -> None:
        nonlocal turns
        while not stop.wait(0.001):
            turns += 1

    thread = threading.Thread(target=count)
    thread.start()
    map_items(bytearray(2000).count, [b"ab"] * 150_000, n_workers=1)
    stop.set()
    thread.join()
    assert turns >= 3
