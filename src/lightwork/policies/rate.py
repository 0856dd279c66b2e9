"""How often something may begin."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal

from lightwork.policies.checks import checked_number, checked_seconds

__all__ = ["RateLimit"]

PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """
    At most so many starts in a period, evenly spread.

    In any window of `T` seconds, wherever it begins, no more than ``rate * T + burst`` attempts start.

    Parameters
    ----------
    count : float
        How many starts, greater than 0.
    per : {"second", "minute", "hour", "day"} or float, default "second"
        The period, by name or in seconds.
    burst : float, default 1
        How many may start at once after a pause; at least 1. With 1 they are spread evenly, one every ``1 / rate`` seconds.

    Raises
    ------
    TypeError, ValueError
        If a number is none, NaN, infinite, or out of its range.

    Notes
    -----
    A frozen value: it can be pickled, compared, hashed and shared, and keeps no count. What counts is a :class:`Limiter`.

    Examples
    --------
    >>> import lightwork as lw
    >>> lw.RateLimit(90, "minute").rate
    1.5
    """

    count: float
    per: Literal["second", "minute", "hour", "day"] | float = "second"
    burst: float = 1.0

    def __post_init__(self) -> None:
        """Check every number."""
        if not 0 < checked_number("count", self.count) < math.inf:
            raise ValueError(f"count must be finite and greater than 0, not {self.count!r}; for no limit pass rate_limit=None")
        if not 1 <= checked_number("burst", self.burst) < math.inf:
            raise ValueError(f"burst must be finite and at least 1, not {self.burst!r}")
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"per must be finite and greater than 0 seconds, not {self.per!r}")
        if not sys.float_info.min <= self.rate < math.inf or self.burst / self.rate == math.inf:
            raise ValueError(f"{self.count!r} per {self.seconds!r} seconds is more, or less, than can be reckoned with in floats")

    @classmethod
    def of(cls, value: RateLimit | float) -> RateLimit:
        """Return a limit itself, or that of so many per second."""
        if isinstance(value, RateLimit):
            return value
        try:
            return cls(value)
        except TypeError:
            raise TypeError(f"a rate limit is a RateLimit or a number per second, not {value!r}") from None

    @property
    def seconds(self) -> float:
        """The period in seconds."""
        if isinstance(self.per, str):
            try:
                return PERIODS[self.per]
            except KeyError:
                raise ValueError(f"per must be one of {', '.join(PERIODS)}, or seconds, not {self.per!r}") from None
        return checked_seconds("per", self.per)

    @property
    def rate(self) -> float:
        """Starts per second."""
        return float(self.count) / self.seconds
