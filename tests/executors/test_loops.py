"""The loops that go through a chunk: whoever's clock they go by, they do the same."""

import signal
import time
import traceback
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightwork._core.queue import Queue
from lightwork._core.stopwatch import run_chunk
from strategies import examples

from lightwork._clock import SYSTEM
from lightwork.executors.loops import Loop, loop_for, run_chunk_by
from lightwork.testing import MockClock

LOOPS = pytest.mark.parametrize("loop", [run_chunk, partial(run_chunk_by, time.monotonic)], ids=["compiled", "Python"])


class Ran:
    """What a loop made of some items."""

    def __init__(self, loop: Loop, call: Callable[[Any], Any], items: list[Any], queue: Any = None) -> None:
        self.values: list[Any] = []
        self.stamps = array("d", [-1.0]) * (len(items) + 1)
        self.before = time.monotonic()
        self.error = loop(call, Queue(items) if queue is None else queue, self.values, self.stamps)
        self.after = time.monotonic()


class Row:
    """Items in somebody else's kind of queue."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def popleft(self) -> Any:
        """Take one."""
        return self.items.pop(0)


def fails_at(place: int) -> Callable[[int], int]:
    """Return a function that fails with one item."""

    def work(item: int) -> int:
        if item == place:
            raise ValueError(item)
        return -item

    return work


@LOOPS
@examples(60)
@given(st.integers(0, 12), st.none() | st.integers(0, 12), st.booleans())
def test_items_are_called_until_one_fails(loop: Loop, n_items: int, place: int | None, is_queue: bool) -> None:
    """There is a value for each before it, and a time after each and after it; and others are not called."""
    items = list(range(n_items))
    ran = Ran(loop, fails_at(-1 if place is None else place), items, None if is_queue else Row(items[:]))
    n_values = n_items if place is None else min(place, n_items)
    n_ended = n_values + (ran.error is not None)
    assert ran.values == [-item for item in range(n_values)]
    assert isinstance(ran.error, ValueError) == (n_values < n_items)
    known = [ran.before, *ran.stamps[1 : n_ended + 1], ran.after]
    assert known == sorted(known)
    assert set(ran.stamps[n_ended + 1 :]) <= {-1.0}


@LOOPS
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, StopIteration, IndexError, GeneratorExit])
def test_any_error_is_the_items_own(loop: Loop, kind: type[BaseException]) -> None:
    """Even one that otherwise ends a loop, a thread or a program."""

    def work(item: int) -> int:
        if item == 1:
            raise kind
        return item

    ran = Ran(loop, work, [0, 1, 2])
    assert type(ran.error) is kind
    assert ran.values == [0]


@LOOPS
def test_a_traceback_begins_in_the_function(loop: Loop) -> None:
    """Nothing of ours is in it; and nothing at all for a function without bytecode."""
    error = Ran(loop, fails_at(0), [0]).error
    assert error is not None
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == ["work"]
    assert error.__context__ is None
    builtin = Ran(loop, int, ["x"]).error
    assert isinstance(builtin, ValueError)
    assert builtin.__traceback__ is None


@LOOPS
def test_what_was_taken_away_is_not_called(loop: Loop) -> None:
    """Items may be taken away at any time, here by an item itself."""
    queue = Queue([0, 1, 2, 3])
    taken: list[tuple[int, int]] = []

    def work(item: int) -> int:
        if item == 1:
            taken.append(queue.take_all())
        return item

    ran = Ran(loop, work, [0, 1, 2, 3], queue)
    assert (ran.error, ran.values, taken) == (None, [0, 1], [(2, 4)])


@LOOPS
def test_what_a_value_says_is_done_has_its_stamp(loop: Loop) -> None:
    """Whoever sees a value finds the time after it, while the worker goes on."""
    values: list[int] = []
    stamps = array("d", [-1.0]) * 5
    seen: list[tuple[int, list[float]]] = []

    def work(item: int) -> int:
        seen.append((len(values), list(stamps[1 : len(values) + 1])))
        return item

    loop(work, Queue(range(4)), values, stamps)
    assert [n for n, _ in seen] == [0, 1, 2, 3]
    assert all(min([0.0, *known]) >= 0.0 for _, known in seen)


@LOOPS
def test_a_queue_that_breaks_is_no_items_failure(loop: Loop) -> None:
    """Only IndexError says that nothing is left."""

    class Broken:
        def popleft(self) -> Any:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        Ran(loop, abs, [], Broken())


@LOOPS
def test_a_signal_is_seen_between_items_without_bytecode(loop: Loop) -> None:
    """A handler runs while there are items left; what it raises ends the loop, by itself or as an item's failure."""

    def ring(*_: object) -> None:
        raise TimeoutError("the bell")

    values: list[int] = []
    items = [range(5_000)] * 50_000
    error: BaseException | None = None
    previous = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        error = loop(sum, Queue(items), values, array("d", [0.0]) * (len(items) + 1))
    except TimeoutError as bell:
        error = bell
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert str(error) == "the bell"
    assert 0 < len(values) < len(items)


def test_the_systems_clock_has_the_compiled_loop() -> None:
    """Any other is asked after each item."""
    assert loop_for(SYSTEM) is run_chunk
    clock = MockClock(5.0)
    ran = Ran(loop_for(clock), lambda seconds: clock.advance(seconds), [1.0, 2.0])
    assert list(ran.stamps[1:]) == [6.0, 8.0]


def test_stamps_need_a_place_to_write() -> None:
    """The compiled loop writes into an array of doubles with a place for each item, and nothing else."""
    for wrong, message in ((array("d", [0.0] * 3), "a place more"), (array("f", [0.0] * 9), "of doubles"), (b"12345678" * 9, "writable")):
        with pytest.raises((ValueError, TypeError, BufferError), match=message):
            run_chunk(abs, Queue([1, 2, 3]), [], wrong)  # type: ignore[arg-type]
