"""The attempts of one call, counted and judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from lightwork._clock import clock
from lightwork._errors import Refused
from lightwork.policies.backoff import Random
from lightwork.policies.decision import Decision, RetryInfo

__all__ = ["Attempts"]


class Decide(Protocol):
    """What :meth:`Retry.decide` is."""

    def __call__(self, attempt: int, error: BaseException | None, result: Any, elapsed: float, random: Random) -> Decision:
        """Return what comes next."""
        ...


class Attempts:
    """
    One call's history. Each attempt is made inside a ``with``, which swallows the error of one that is to be repeated.

    Attributes
    ----------
    result : object
        Set inside the block; after the last attempt, what the call returns.
    delay : float or None
        How long to wait before the next attempt; None when there is none.
    """

    __slots__ = ("_began", "_clock", "_count", "_decide", "_on_retry", "_random", "delay", "result")

    def __init__(self, decide: Decide, on_retry: Callable[[RetryInfo], object] | None, random: Random) -> None:
        self._decide = decide
        self._on_retry = on_retry
        self._random = random
        self._clock = clock()
        self._began = self._clock.now()
        self._count = 0
        self.result: Any = None
        self.delay: float | None = None

    def __enter__(self) -> None:
        """Begin an attempt."""
        self.result = None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        """Judge it; return whether its error is dealt with."""
        if error is not None and not isinstance(error, Exception):
            return False
        self._count += 1
        elapsed = self._clock.now() - self._began
        decision = self._decide(self._count, error, self.result, elapsed, self._random)
        self.delay = decision.delay if decision.kind == "retry" else None
        if decision.kind == "give_up":
            return self._give_up(decision, error, elapsed)
        if decision.kind == "retry" and self._on_retry is not None:
            self._on_retry(RetryInfo(self._count, error, self.result, decision.delay, elapsed))
        return True

    def _give_up(self, decision: Decision, error: Exception | None, elapsed: float) -> bool:
        """Put the fallback in the result's place, or let the error pass."""
        failure = Refused.of(self.result, decision.reason) if error is None else error
        if decision.fallback is not None:
            self.result = decision.fallback(failure)
            return True
        if self._count > 1:
            failure.add_note(f"given up after {self._count} attempts in {elapsed:.3g} s: {decision.reason}")
        if error is None:
            raise failure
        return False
