"""What of HTTP a retry wants to know: which failures pass, and how long the server asks to be left alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from lightwork._clock import clock
from lightwork.policies.checks import check_callable, check_error_types, checked_count

__all__ = ["TEMPORARY", "ErrorTypes", "rules", "seconds_asked", "status_of"]

ErrorTypes = type[Exception] | tuple[type[Exception], ...]

TEMPORARY: Final = frozenset({429, 502, 503, 504})

_SECONDS = re.compile(r"\s*(\d+(?:\.\d*)?)\s*", re.ASCII)  # whole numbers by the RFC; some servers send fractions


@dataclass(frozen=True)
class Rule:
    """What is asked of the outcome of a request; callables of a class each, so that policies can be pickled and compared."""

    response: Callable[[Any], Any] | None

    def _response(self, outcome: Any) -> Any:
        return outcome if self.response is None else self.response(outcome)


@dataclass(frozen=True)
class HasStatus(Rule):
    """Whether a value that was returned is a response of one of some statuses."""

    statuses: frozenset[int]

    def __call__(self, value: Any) -> bool:
        """Answer for a value."""
        return status_of(self._response(value)) in self.statuses


@dataclass(frozen=True)
class IsTemporary(HasStatus):
    """Whether an error has one of some statuses or, having none, is of some types or caused by one."""

    on: ErrorTypes

    def __call__(self, error: BaseException) -> bool:
        """Answer for an error."""
        status = status_of(self._response(error))
        if status is not None:
            return status in self.statuses
        return isinstance(error, self.on) or isinstance(getattr(error, "reason", None), self.on)  # urllib's URLError wraps what it met


@dataclass(frozen=True)
class RetryAfter(Rule):
    """How many seconds a response asks for."""

    def __call__(self, outcome: Any) -> float | None:
        """Answer for an error or a value."""
        return seconds_asked(self._response(outcome))


def rules(statuses: Collection[int], on: ErrorTypes, response: Callable[[Any], Any] | None) -> dict[str, Any]:
    """Return the options of a policy that these make."""
    check_error_types("on", on)
    if response is not None:
        check_callable("response", response, "what was raised or returned")
    codes = frozenset(checked_count("statuses", status, "statuses are numbers such as 503") for status in statuses)
    return {"retry_if": IsTemporary(response, codes, on), "retry_result": HasStatus(response, codes), "wait_from": RetryAfter(response)}


def status_of(outcome: Any) -> int | None:
    """Return the status of a response, or of the one that an error carries."""
    for candidate in _candidates(outcome):
        for name in ("status_code", "status", "code"):
            status = getattr(candidate, name, None)
            if isinstance(status, int):
                return int(status)
    return None


def seconds_asked(outcome: Any) -> float | None:
    """Return what ``Retry-After`` says, in seconds from now, or None where it says nothing that can be read."""
    for candidate in _candidates(outcome):
        headers: Any = getattr(candidate, "headers", None)
        for name in ("Retry-After", "retry-after"):  # some libraries' headers are plain dicts
            if hasattr(headers, "get") and isinstance(text := headers.get(name), str):
                return _parsed(text)
    return None


def _candidates(outcome: Any) -> Iterator[Any]:
    yield getattr(outcome, "response", None)
    yield outcome


def _parsed(text: str) -> float | None:
    if match := _SECONDS.fullmatch(text):
        return float(match[1])
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - takes longer to import than all of ours

    try:
        date = parsedate_to_datetime(text)
        return max((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - clock().wall(), 0.0)
    except (OverflowError, ValueError):  # no date, or one that no calendar has
        return None
