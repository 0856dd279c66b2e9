"""What is known of one item of a run."""

import pickle

import pytest

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
    copy = pickle.loads(pickle.dumps(ItemResult(3, "k", value=[1], attempts=2, duration=0.5, queued=0.1)))
    assert [getattr(copy, name) for name in ItemResult.__slots__] == [2, 0.5, None, 3, "k", 0.1, [1]]
