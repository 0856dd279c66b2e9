"""The calling thread as the one that runs the items."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from random import Random
from typing import NamedTuple

__all__ = ["INLINE", "Inline", "Serial"]


class Serial:
    """Runs nothing by itself: who waits for the items runs them."""

    n_workers = 1
    is_here = True

    def spawn(self, call: Callable[..., object]) -> None:
        """Leave it to the caller."""


class Inline(NamedTuple):
    """
    An order for all calls of a context to run their items inline.

    Attributes
    ----------
    random : Random or None
        Draws which item is next; None: one after the other.
    """

    random: Random | None


INLINE: ContextVar[Inline | None] = ContextVar("lightwork.inline", default=None)
