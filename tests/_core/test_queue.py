"""A row of items: taken one by one by whoever runs them, and all at once by whoever wants the rest."""

import gc
import weakref
from collections import UserList, deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightwork._core.queue import Queue
from strategies import examples
from threads import collide


class Thing:
    """Something to be let go of."""


@examples(60)
@given(st.sampled_from([list, tuple, UserList]), st.lists(st.integers(), max_size=20), st.lists(st.sampled_from(["one", "one", "all"]), max_size=25))
def test_items_leave_from_the_left_and_all_at_once(kind: type[Sequence[int]], items: list[int], moves: list[str]) -> None:
    """As from a deque, in any order of moves, with the positions of what is taken away."""
    queue, model = Queue(kind(items)), deque(enumerate(items))  # type: ignore[call-arg]
    for move in moves:
        if move == "all":
            start, stop = queue.take_all()
            assert list(range(start, stop)) == [position for position, _ in model]
            model.clear()
        elif model:
            assert queue.popleft() == model.popleft()[1]
        assert len(queue) == len(model)
    if not model:
        with pytest.raises(IndexError, match="nothing is left"):
            queue.popleft()


def test_a_range_makes_its_items() -> None:
    """Of any size and step."""
    for items in (range(3), range(10, 0, -4), range(2**70, 2**70 + 2)):
        queue = Queue(items)
        assert [queue.popleft() for _ in items] == list(items)


def test_a_queue_wants_a_sequence() -> None:
    """And not too long a one."""
    with pytest.raises(TypeError):
        Queue(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Queue(iter([1]))  # type: ignore[arg-type]
    with pytest.raises(OverflowError, match="fewer than"):
        Queue(range(2**32))


def test_items_are_let_go_of_with_the_queue() -> None:
    """It keeps no reference that it does not give back."""
    items = [Thing() for _ in range(3)]
    alive = [weakref.ref(thing) for thing in items]
    queue = Queue(items)
    queue.popleft()
    del items, queue
    gc.collect()
    assert [reference() for reference in alive] == [None] * 3


def taken(queue: Queue, seen: list[Any]) -> None:
    """Take items until there are none."""
    try:
        while True:
            seen.append(queue.popleft())
    except IndexError:
        return


def taken_away(queue: Queue, seen: list[Any]) -> None:
    """Take away the rest, when some have gone."""
    while len(queue) > 500:
        pass
    seen.extend(range(*queue.take_all()))


@pytest.mark.usefixtures("eager_switching")
def test_each_item_is_taken_once() -> None:
    """By one thread that runs them and one that wants the rest."""
    for _ in range(20):
        queue = Queue(range(1000))
        first: list[int] = []
        rest: list[int] = []
        collide([partial(taken, queue, first), partial(taken_away, queue, rest)])
        assert [*first, *rest] == list(range(1000))
