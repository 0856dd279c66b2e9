"""Where items come from: any sequence, read by index, as it is when an item is begun."""

import threading
from collections import UserList, deque
from collections.abc import Sequence
from typing import Any, overload

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from lightwork._core.items import map_items

ENDS = st.one_of(st.integers(-50, 50), st.integers(2**62 - 50, 2**62 + 50), st.integers(-(2**62) - 50, -(2**62) + 50), st.integers(2**63, 2**70))
RANGES = st.builds(lambda start, length, step: range(start, start + length * step, step), ENDS, st.integers(0, 40), st.integers(-9, 9).filter(bool))


class Doubled(list[int]):
    """A list that answers with something else than it holds."""

    def __getitem__(self, index: Any) -> Any:
        return 2 * super().__getitem__(index)


class Meeting(Sequence[int]):
    """A sequence that notices when two ask at once."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.inside = self.most = 0

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        assert isinstance(index, int)
        self.inside += 1
        self.most = max(self.most, self.inside)
        threading.Event().wait(0.0001)  # lets the others come, if they can
        self.inside -= 1
        return index


def identity(item: Any) -> Any:
    """Return what it is given."""
    return item


@given(st.one_of(RANGES, st.lists(st.integers()), st.lists(st.text()).map(tuple), st.text(), st.binary(), st.lists(st.floats()).map(UserList)))
def test_every_item_is_met_once_and_in_its_place(items: Sequence[Any]) -> None:
    """Whatever the sequence, results are what the built-in map gives, types included."""
    for n_workers in (1, 3):
        outcome = map_items(identity, items, n_workers=n_workers)
        assert list(map(repr, outcome.values)) == list(map(repr, items))
        assert (outcome.failures, outcome.n_finished, outcome.interrupt) == ({}, len(items), None)


@pytest.mark.parametrize("items", [Doubled([1, 2, 3]), np.arange(6.0).reshape(3, 2), deque([4, 5, 6]), memoryview(b"abc")])
def test_other_sequences_are_asked_for_their_items(items: Any) -> None:
    """A subclass has its own way with indices, and arrays have rows."""
    expected = [items[index] for index in range(len(items))]
    np.testing.assert_array_equal(map_items(identity, items, n_workers=2).values, expected)


def test_a_sequence_of_the_users_is_asked_for_one_item_at_a_time() -> None:
    """It need know nothing of threads, although the function runs on several."""
    items = Meeting(200)
    assert map_items(identity, items, n_workers=8).values == list(range(200))
    assert items.most == 1


def test_an_item_that_cannot_be_fetched_fails_alone() -> None:
    """What a sequence raises for one index is that item's failure."""

    class Holed(UserList[int]):
        def __getitem__(self, index: Any) -> Any:
            if index == 2:
                raise KeyError(index)
            return super().__getitem__(index)

    outcome = map_items(identity, Holed([1, 2, 3, 4]), n_workers=2)
    assert outcome.values == [1, 2, None, 4]
    assert [(index, type(error)) for index, error in outcome.failures.items()] == [(2, KeyError)]


def test_a_list_is_read_when_its_item_is_begun() -> None:
    """What is put into it meanwhile counts, what is added does not, and what it has lost is an error of these items."""
    items = [0, 1, 2, 3, 4, 5]

    def change(item: int) -> int:
        if item == 0:
            items[1] = 10
            del items[3:]
        return item

    outcome = map_items(change, items, n_workers=1)
    assert outcome.values == [0, 10, 2, None, None, None]
    assert [(index, type(error)) for index, error in outcome.failures.items()] == [(3, IndexError), (4, IndexError), (5, IndexError)]


def test_a_list_that_grows_keeps_the_length_it_had() -> None:
    """The run is as long as the list was."""
    items = [1, 2, 3]
    assert map_items(items.append, items, n_workers=1).n_finished == 3
    assert items == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize("items", [range(2**61 - 1), range(2**62)])
def test_more_items_than_memory_has_places_for_are_refused(items: range) -> None:
    """The results would not fit; nothing is begun."""
    with pytest.raises(MemoryError, match="map them part by part"):
        map_items(identity, items)


@pytest.mark.parametrize("items", [iter([1]), 5, None, {1}, {0: 1}.keys()])
def test_what_is_no_sequence_is_refused_or_fails(items: Any) -> None:
    """Without a length there is no run; with one but no index each item fails with the reason."""
    try:
        outcome = map_items(identity, items)
    except TypeError as error:
        assert "len()" in str(error)  # noqa: PT017 - either is right, by type
        return
    assert [type(error) for error in outcome.failures.values()] == [TypeError]
