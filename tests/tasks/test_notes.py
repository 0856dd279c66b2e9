"""What an exception is told about its item."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from lightwork.tasks.notes import N_CHARACTERS, add_note, brief, item_note

SIMPLE = st.integers() | st.text(max_size=150) | st.binary(max_size=50)
ANYTHING = SIMPLE | st.lists(SIMPLE, max_size=9) | st.dictionaries(st.text(max_size=9), st.lists(SIMPLE, max_size=3), max_size=5)


class Silent:
    """An object whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError


class Talkative:
    """An object with a repr of several lines."""

    def __repr__(self) -> str:
        return "first\n    second\n" + "x" * 1000


@examples(200)
@given(ANYTHING)
def test_a_value_is_shown_on_one_short_line(value: object) -> None:
    """Whatever it is."""
    text = brief(value)
    assert len(text) <= N_CHARACTERS
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(7, "7", id="number"),
        pytest.param("x" * 10**6, f"'{'x' * 47}...{'x' * 48}'", id="string"),
        pytest.param([[1, 2], list(range(100))], "[[1, 2], [0, 1, 2, 3, 4, 5, ...]]", id="list"),
        pytest.param(b"\0" * 10**6, repr(b"\0" * 18) + "... (1000000 bytes)", id="bytes"),
        pytest.param([bytearray(10**6)], r"[bytearray(b'\x00\x00\x00", id="bytes inside"),
        pytest.param(np.arange(3), "array([0, 1, 2])", id="array"),
        pytest.param(Talkative(), "first second xxx", id="several lines"),
        pytest.param(Silent(), "<Silent instance at 0x", id="a repr that fails"),
        pytest.param(10**10_000, "<int>", id="more digits than Python writes"),
    ],
)
def test_long_and_difficult_values_are_cut(value: object, shown: str) -> None:
    """A huge one is not written out first, and one that cannot be shown is named by its type."""
    text = brief(value)
    assert len(text) <= N_CHARACTERS
    assert text.startswith(shown)


def test_a_note_has_what_is_known() -> None:
    """The index always; key, argument and attempts where they tell something."""
    assert item_note(7) == "in item 7"
    assert item_note(7, arguments={8: "x"}) == "in item 7"
    assert item_note(7, key="k", arguments={7: None}, attempts=3) == "in item 7, key 'k', argument None, after 3 attempts"


def test_a_note_is_added_once() -> None:
    """Telling an exception twice does not make it longer, and its other notes stay."""
    error = ValueError()
    error.add_note("its own")
    for note in ("in item 1", "in item 1", "in item 2"):
        add_note(error, note)
    assert error.__notes__ == ["its own", "in item 1", "in item 2"]


def test_an_exception_that_takes_no_notes_is_left_as_it_is() -> None:
    """What happened is worth more than where."""

    @dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    error = Frozen(3)
    add_note(error, "in item 1")
    assert not hasattr(error, "__notes__")
