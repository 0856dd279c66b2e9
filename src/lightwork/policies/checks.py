"""What users give, checked once: each error names the argument and says what it takes."""

import inspect
import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any, SupportsIndex, cast

__all__ = [
    "check_callable", "check_choice", "check_error_types", "checked_count", "checked_int", "checked_number", "checked_positive", "checked_seconds",
    "is_async",
]  # fmt: skip


def checked_number(name: str, value: Any) -> float:
    """Return a number as a float that is not NaN; refuse what only looks like one."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{name} must be a number that a float can hold; this one is too large") from None
    if math.isnan(number):
        raise ValueError(f"{name} must be a number, not NaN")
    return number


def checked_positive(name: str, value: Any) -> float:
    """Return a number as a float that is not negative; infinity is allowed."""
    number = checked_number(name, value)
    if number < 0:
        raise ValueError(f"{name} must not be negative, and is {value!r}")
    return number


def checked_seconds(name: str, value: Any, *, finite: bool = True) -> float:
    """Return a time in seconds as a float: not negative, and not infinite unless that is allowed."""
    seconds = checked_number(name, value)
    if seconds < 0 or (finite and seconds == math.inf):
        raise ValueError(f"{name} must be {'finite and ' if finite else ''}at least 0 seconds, not {value!r}")
    return seconds


def checked_int(name: str, value: SupportsIndex, advice: str) -> int:
    """Return a whole number as an int; the advice ends the error."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {value}; {advice}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {value!r}; {advice}") from None


def checked_count(name: str, value: SupportsIndex, advice: str) -> int:
    """Return a whole number that is at least 1; the advice ends the error."""
    count = checked_int(name, value, advice)
    if count < 1:
        raise ValueError(f"{name} must be at least 1, not {count}; {advice}")
    return count


def check_callable(name: str, value: Any, parameters: str) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function of {parameters}, not {value!r}")


def is_async(fn: object) -> bool:
    """Whether calling it makes a coroutine."""
    call = getattr(fn, "__call__", None)  # noqa: B004 - not whether there is one, but of what kind
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(call)


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Refuse what is not one of some words."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")


def check_error_types(name: str, value: object) -> None:
    """Refuse what is no type of exceptions, nor a tuple of some; and those that are meant to end a program or a task."""
    for each in cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,):
        if not isinstance(each, type) or not issubclass(each, BaseException):
            raise TypeError(f"{name} must be an exception type or a tuple of such, not {each!r}")
        if not issubclass(each, Exception):
            raise ValueError(  # noqa: TRY004 - it is the right kind of thing
                f"{name} has {each.__name__}, which is there to end what it meets; name types derived from Exception"
            )
