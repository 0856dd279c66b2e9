"""What an exception is told about the item that raised it; made when somebody looks, not while items run."""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["add_note", "brief", "item_note", "note_failures"]

N_CHARACTERS = 100  # of an argument: enough to recognise it, and fits a line
N_BYTES = 18  # of a bytes object: each may take four characters


class _Shortener(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = N_CHARACTERS

    def repr_bytes(self, data: bytes | bytearray, _: int) -> str:
        return repr(data) if len(data) <= N_BYTES else f"{data[:N_BYTES]!r}... ({len(data)} bytes)"

    repr_bytearray = repr_bytes


_shortener = _Shortener()


def brief(value: object) -> str:
    """Return a value's repr on one line, cut short; never raises, and looks at the beginning of a long value only."""
    try:
        text = " ".join(_shortener.repr(value).split())
    except Exception:  # a repr that fails, or a number of more digits than Python writes, says nothing about the item
        return f"<{type(value).__name__}>"
    return text if len(text) <= N_CHARACTERS else f"{text[: N_CHARACTERS - 3]}..."


def item_note(index: int, *, key: Any = None, arguments: Mapping[int, Any] | None = None, attempts: int = 1) -> str:
    """
    Return the sentence that an exception gets about its item.

    Parameters
    ----------
    index : int
        Of the item.
    key : object, optional
        What the caller calls the item, if anything.
    arguments : mapping of int to object, optional
        What the function was called with, by index; the note speaks of it if the item is in there.
    attempts : int, default 1
        How often the function was called.
    """
    parts = [f"in item {index}"]
    if key is not None:
        parts.append(f"key {brief(key)}")
    if arguments is not None and index in arguments:
        parts.append(f"argument {brief(arguments[index])}")
    if attempts > 1:
        parts.append(f"after {attempts} attempts")
    return ", ".join(parts)


def add_note(error: BaseException, note: str) -> None:
    """Add a note to an exception, unless it has it or refuses any."""
    with contextlib.suppress(Exception):  # frozen dataclasses refuse; what happened is worth more than where
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)


def note_failures(failures: Mapping[int, BaseException], note_of: Callable[[int], str]) -> None:
    """
    Add to each exception the note of its item; to one that several items raised, that of the first, and how many there are besides.

    Parameters
    ----------
    failures : mapping of int to BaseException
        By the index of the item.
    note_of : callable
        Returns the note of an item, by its index.
    """
    items: dict[int, list[int]] = {}
    for index in sorted(failures):
        items.setdefault(id(failures[index]), []).append(index)
    for first, *others in items.values():
        add_note(failures[first], f"{note_of(first)}; {len(others)} other items raised the same object" if others else note_of(first))
