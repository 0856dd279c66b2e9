"""What a crew has to know of those who run its chunks."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Workers"]


class Workers(Protocol):
    """
    Those who run chunks.

    Attributes
    ----------
    n_workers : int
        How many there are at most.
    is_here : bool
        Whether the caller's thread is one of them, and must run chunks itself while it waits.
    """

    n_workers: int
    is_here: bool
