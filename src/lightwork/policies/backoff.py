"""How long to wait before the next attempt: longer each time, and spread, so that who failed together does not come again together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from lightwork.policies.checks import checked_seconds

__all__ = ["JITTERS", "Backoff", "Random", "jittered", "planned"]

Backoff = float | Callable[[int], float]

STEPS = 300  # of a random walk; with each it grows by a tenth on average, so by then it does not depend on where it began


class Random(Protocol):
    """What draws numbers: ``random.Random``, NumPy's generators, the module ``random`` itself."""

    def random(self) -> float:
        """Return a number from 0 up to, not including, 1."""
        ...


# Of a planned wait, the part that is certain and the part that is drawn.
PARTS: Final[dict[str, tuple[float, float]]] = {"full": (0.0, 1.0), "equal": (0.5, 0.5), "half": (0.5, 1.0), "none": (1.0, 0.0)}

JITTERS: Final[tuple[str, ...]] = (*PARTS, "decorrelated")


def planned(backoff: Backoff, factor: float, longest: float, attempt: int) -> float:
    """Return the wait after some attempts, before it is spread."""
    if callable(backoff):
        return min(checked_seconds("what backoff returns", backoff(attempt), finite=False), longest)
    try:
        return min(backoff * factor ** (attempt - 1), longest)
    except OverflowError:
        return longest if backoff else 0.0


def jittered(jitter: str, delay: float, first: float, longest: float, attempt: int, random: Random) -> float:
    """Return a wait that is spread, and not longer than the longest."""
    if jitter == "decorrelated":
        return _walk(first, longest, attempt, random)
    certain, drawn = PARTS[jitter]
    return min(delay * certain + delay * drawn * random.random(), longest)


def _walk(first: float, longest: float, attempt: int, random: Random) -> float:
    """
    Return where a random walk is after some steps, each to between the first wait and thrice the last.

    It is walked anew for each wait, for a policy remembers none: the waits have the distribution of one walk's.
    """
    delay = first
    for _ in range(min(attempt, STEPS)):
        delay = min(first + (3 * delay - first) * random.random(), longest)
    return delay
