"""What is known of one item of a run."""

import gc
import inspect
import pickle
import weakref
from typing import Any

import pytest
from lightwork.tasks.item_result import row_of_results

from lightwork import ItemResult


def test_an_item_result_gives_its_value_or_raises() -> None:
    """``value`` raises nothing, ``unwrap`` tells None from a failure, and two names take it apart."""
    good, bad = ItemResult(0, value="x"), ItemResult[str](1, error=KeyError("k"))
    assert (good.ok, good.unwrap(), good.outcome) == (True, "x", "x")
    assert (bad.ok, bad.value) == (False, None)
    with pytest.raises(KeyError):
        bad.unwrap()
    assert [(index, outcome) for index, outcome in (good, bad)] == [(0, "x"), (1, bad.error)]
    assert ItemResult(2, value=None).unwrap() is None


def test_an_item_result_shows_what_there_is() -> None:
    """Its repr has the key only if there is one, and either the value or the error."""
    assert repr(ItemResult(0, value="x")) == "ItemResult(0, value='x', attempts=1)"
    assert repr(ItemResult(1, "k", error=ValueError("b"), attempts=2)) == "ItemResult(1, key='k', error=ValueError('b'), attempts=2)"


def test_an_item_result_travels() -> None:
    """The copy has all that the original has."""
    original: ItemResult[list[int]] = ItemResult(3, "k", value=[1], attempts=2, duration=0.5, queued=0.1)
    assert told(pickle.loads(pickle.dumps(original))) == told(original) == [3, "k", [1], None, 2, 0.5, 0.1]


def told(result: ItemResult[Any]) -> list[Any]:
    """Return all that an item result says."""
    return [result.index, result.key, result.value, result.error, result.attempts, result.duration, result.queued]


@pytest.mark.parametrize("name", ["index", "key", "value", "error", "attempts", "duration", "queued", "ok", "other"])
def test_an_item_result_stays_as_it_is(name: str) -> None:
    """Threads share it, so nothing of it can be set."""
    with pytest.raises(AttributeError):
        setattr(ItemResult(0, value="x"), name, None)


def test_an_item_result_in_a_cycle_is_collected() -> None:
    """A result whose value refers to it does not stay for good."""
    value = Loose()
    gone = weakref.ref(value)
    value.result = ItemResult(0, value=value)
    del value
    gc.collect()
    assert gone() is None


def test_a_long_chain_of_item_results_is_freed() -> None:
    """Each holds the one before it; they go one after the other, not one inside the other."""
    chain: ItemResult[Any] | None = None
    for index in range(1_000_000):
        chain = ItemResult(index, value=chain)
    del chain


def test_item_results_tell_their_signature() -> None:
    """To those who ask without stubs, and the docstring begins with what it is."""
    assert list(inspect.signature(ItemResult).parameters) == ["index", "key", "value", "error", "attempts", "duration", "queued"]
    assert (ItemResult.__doc__ or "").strip().startswith("What came of one item.")


class Loose:
    """Refers to a result."""

    result: ItemResult[Any]


@pytest.mark.parametrize("first", [None, 1.0])
def test_a_row_of_results(first: float | None) -> None:
    """Each has its own time, from its only beginning, or from the first of several."""
    keys = {5: "five", 6: "six"}
    five, six = row_of_results(5, ["a", "b"], keys, 2, [2.0, 2.5, 4.0], first, 0.5)
    begun = [2.0, 2.5] if first is None else [first, first]
    assert told(five) == [5, "five", "a", None, 2, 2.5 - begun[0], begun[0] - 0.5]
    assert told(six) == [6, "six", "b", None, 2, 4.0 - begun[1], begun[1] - 0.5]
    assert [result.key for result in row_of_results(5, ["a", "b"], {}, 1, [2.0, 2.5, 4.0], first, 0.5)] == [None, None]


def test_a_row_without_enough_times_is_refused() -> None:
    """Nothing is read behind the end."""
    with pytest.raises(IndexError):
        row_of_results(0, ["a", "b"], {}, 1, [1.0, 2.0], None, 0.5)
