"""What a policy answers after an attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

__all__ = ["Decision", "RetryInfo"]


class Decision(NamedTuple):
    """
    What comes after an attempt.

    Attributes
    ----------
    kind : {"done", "retry", "give_up"}
        Take the value; call again after `delay`; or fail with the error, or with `Refused` if there was a value.
    delay : float
        Seconds to wait before the next attempt.
    pause : float
        Seconds for which the other end asks to be left alone, by everybody: for a shared limiter, also when given up.
    fallback : callable or None
        When given up: what makes the value to be taken instead, out of the error.
    reason : str
        When given up: why, as the end of a sentence; else empty.
    """

    kind: Literal["done", "retry", "give_up"]
    delay: float = 0.0
    pause: float = 0.0
    fallback: Callable[[Exception], Any] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """
    What ``on_retry`` is told before each wait.

    Attributes
    ----------
    attempt : int
        How many attempts have been made.
    error : Exception or None
        What the last one raised; None if it returned a value that is refused.
    value : object
        What it returned, or None.
    delay : float
        Seconds until the next one may start.
    elapsed : float
        Seconds since the first one began.
    index, key : object
        Which item it was, where there are items; else None.
    """

    attempt: int
    error: Exception | None
    value: Any
    delay: float
    elapsed: float
    index: int | None = None
    key: Any = None
