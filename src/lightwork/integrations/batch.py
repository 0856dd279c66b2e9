"""Calls that joblib hands over together, and what comes of them."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

__all__ = ["Batch", "Outcome"]

OURS = ("lightwork.integrations.", "joblib.")


class Outcome(NamedTuple):
    """
    What a batch came to.

    Attributes
    ----------
    results : list
        What its calls returned, if all of them did.
    error : BaseException or None
        What one of them raised.
    seconds : float
        How long they took.
    """

    results: Any
    error: BaseException | None
    seconds: float

    def unwrap(self) -> Any:
        """Return the results, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.results


class Batch(NamedTuple):
    """
    Some calls, in order, and who wants to hear of them.

    Attributes
    ----------
    call : callable
        Makes them and returns a list; its length is their number.
    tell : callable
        Takes the outcome.
    """

    call: Any
    tell: Callable[[Outcome], object]

    def run(self, context: contextvars.Context) -> Outcome:
        """Make the calls, in a context of their own."""
        began = time.perf_counter()
        try:
            results, error = context.copy().run(self.call), None
        except BaseException as raised:  # Ctrl-C too belongs to who waits
            results, error = None, raised
        return Outcome(results, error, time.perf_counter() - began)

    @property
    def is_unwanted(self) -> bool:
        """Whether joblib has given up the call that this is part of: also if it was not this batch that failed, but the source."""
        return bool(getattr(getattr(self.tell, "parallel", None), "_aborting", False))

    def report(self, outcome: Outcome) -> None:
        """Tell of the outcome; joblib takes errors' tracebacks away, and they get back those of users' functions."""
        traceback = users_part(outcome.error.__traceback__) if outcome.error is not None else None
        self.tell(outcome)
        if outcome.error is not None and outcome.error.__traceback__ is None:
            outcome.error.__traceback__ = traceback


def users_part(traceback: TracebackType | None) -> TracebackType | None:
    """Return where a traceback comes into users' code; the frames before that refer to the whole call."""
    while traceback is not None and traceback.tb_frame.f_globals.get("__name__", "").startswith(OURS):
        traceback = traceback.tb_next
    return traceback
