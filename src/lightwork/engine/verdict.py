"""What becomes of an item after a failed attempt: asked of its policy by the worker, under no lock."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from lightwork._errors import Refused
from lightwork._log import LOGGER
from lightwork.engine.chunk import Chunk
from lightwork.policies.decision import RetryInfo

__all__ = ["Refusal", "Verdict", "judge", "refusing"]


class Verdict(NamedTuple):
    """
    What comes of an attempt that did not succeed.

    Attributes
    ----------
    error : BaseException or None
        With what the item fails, if there is no other attempt; None if there is a value instead.
    value : object
        The value instead.
    delay : float or None
        Seconds until another attempt; None for the end.
    """

    error: BaseException | None = None
    value: Any = None
    delay: float | None = None


class Refusal(Exception):
    """A value that ``retry_result`` refuses, on its way to the verdict."""

    def __init__(self, value: Any) -> None:
        self.value = value


def refusing(call: Callable[[Any], Any], refuses: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Return the function, made to raise instead of returning what is refused."""

    def call_and_look(item: Any) -> Any:
        value = call(item)
        if refuses(value):
            raise Refusal(value)
        return value

    return call_and_look


def judge(chunk: Chunk, error: BaseException, now: float, deadline: float = math.inf, key: Any = None) -> Verdict:
    """
    Ask the stage's policy about the item of a chunk that failed.

    Its hooks run here; what one of them raises is what the item fails with.
    """
    retry = chunk.stage.retry
    if retry is None or not isinstance(error, Exception):
        return Verdict(error)
    n_attempts, elapsed = chunk.attempts + 1, now - chunk.first_began
    failure, value = (None, error.value) if isinstance(error, Refusal) else (error, None)
    try:
        random = retry.random_for(chunk.index, n_attempts)
        decision = retry.decide(n_attempts, failure, value, elapsed, random, remaining=deadline - now)
        if decision.pause and chunk.stage.limiter is not None:
            chunk.stage.limiter.pause(decision.pause, now=now)  # the other end wants to be left alone by all
        if decision.kind == "done":
            return Verdict(value=value)
        final = Refused.of(value, decision.reason) if failure is None else failure
        if decision.kind == "give_up":
            return Verdict(final) if decision.fallback is None else Verdict(value=decision.fallback(final))
        if retry.on_retry is not None:
            retry.on_retry(RetryInfo(n_attempts, failure, value, decision.delay, elapsed, chunk.index, key))
        LOGGER.debug("item %d: attempt %d failed, the next one is in %.3f s: %r", chunk.index, n_attempts, decision.delay, final)
    except BaseException as broken:
        return Verdict(broken)
    return Verdict(final, delay=decision.delay)
