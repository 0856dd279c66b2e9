"""What is known of an item's calls."""

from typing import NamedTuple

__all__ = ["Measured"]


class Measured(NamedTuple):
    """
    What was measured of an item.

    Attributes
    ----------
    attempts : int
        How often the function was called.
    duration : float or None
        Seconds from the first call's beginning to the last one's end, waits between them included.
    queued : float or None
        Seconds from the item's admission to the first call's beginning.
    """

    attempts: int = 1
    duration: float | None = None
    queued: float | None = None
