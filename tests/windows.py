"""The promise of a rate limit, as a check of when things started."""

import math
from itertools import accumulate

from lightwork import RateLimit


def excess(starts: list[tuple[float, float]], limit: RateLimit) -> float:
    """Return by how much the costliest window has more than it may: each begins and ends at a start."""
    starts = sorted(starts)
    totals = list(accumulate((cost for _, cost in starts), initial=0.0))
    windows = ((first, last) for first in range(len(starts)) for last in range(first, len(starts)))
    return max(
        (totals[last + 1] - totals[first] - limit.rate * (starts[last][0] - starts[first][0]) - limit.burst for first, last in windows),
        default=-math.inf,
    )
