"""Where items come from: how many at a time, and none that were not asked for."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from lightwork.tasks.feed import MAX_BATCH, Feed
from lightwork.testing import MockClock


def never() -> bool:
    """Tell that nobody stopped it."""
    return False


def feed_of(items: Iterable[Any], **options: Any) -> Feed:
    """Return a feed by a clock that stands still."""
    return Feed(items, MockClock(), **options)


class Backwards(list[Any]):
    """A list that is not iterated as it is indexed."""

    def __iter__(self) -> Iterator[Any]:
        return reversed(self)


@pytest.mark.parametrize("items", [list(range(3000)), tuple(range(3000)), range(3000)])
def test_items_at_hand_come_as_many_as_are_wanted(items: Any) -> None:
    """From the first time on, up to the largest batch; a short one is the last."""
    feed = feed_of(items)
    batches = [feed.take(n_items, never) for n_items in (1, 100, 10_000, 10_000, 851, 10_000)]
    assert [len(batch.items) for batch in batches] == [1, 100, MAX_BATCH, MAX_BATCH, 851, 0]
    assert [batch.is_last for batch in batches] == [False, False, False, False, False, True]
    assert [item for batch in batches for item in batch.items] == list(range(3000))


@pytest.mark.parametrize("source", [list, iter])
def test_nothing_is_taken_after_a_stop(source: Any) -> None:
    """What is stopped is not the end, and skips no item."""
    feed = feed_of(source([1, 2, 3]))
    assert feed.take(2, lambda: True) == ([], None, False, None)
    assert [*feed.take(1, never).items, *feed.take(2, never).items] == [1, 2, 3]


def test_what_is_added_to_a_list_before_its_end_is_reached_comes_too() -> None:
    """As in a loop over it."""
    items = [1, 2]
    feed = feed_of(items)
    assert list(feed.take(2, never).items) == [1, 2]
    items.append(3)
    assert list(feed.take(2, never).items) == [3]


def test_what_a_derived_class_yields_is_what_counts() -> None:
    """Its items by index may be others."""
    feed = feed_of(Backwards([1, 2, 3]))
    assert [item for _ in range(3) for item in feed.take(3, never).items] == [3, 2, 1]


def test_other_sources_are_read_in_growing_batches() -> None:
    """One item, then twice as many each time, for the first ones are waited for."""
    feed = feed_of(iter(range(100)))
    assert [len(feed.take(50, never).items) for _ in range(7)] == [1, 2, 4, 8, 16, 32, 37]


def test_a_slow_source_is_read_item_by_item() -> None:
    """Others wait for each of them."""
    clock = MockClock()

    def slow() -> Iterator[int]:
        for i in range(4):
            clock.advance(1)
            yield i

    feed = Feed(slow(), clock)
    assert [list(feed.take(50, never).items) for _ in range(4)] == [[0], [1], [2], [3]]
    assert not feed.is_quick


def test_items_with_keys_costs_and_indices_are_prepared_one_by_one() -> None:
    """A list of them, too."""
    feed = feed_of("abc", key=str.upper, cost=lambda item: ord(item) - 96, is_numbered=True)
    batches = [feed.take(3, never) for _ in range(3)]
    assert [item for batch in batches for item in batch.items] == [(0, "a"), (1, "b"), (2, "c")]
    assert [cost for batch in batches for cost in batch.costs or ()] == [1, 2, 3]
    assert feed.keys == {0: "A", 1: "B", 2: "C"}
    numbered = feed_of(["a", "b"], is_numbered=True)
    assert [item for _ in range(2) for item in numbered.take(3, never).items] == [(0, "a"), (1, "b")]
