"""The exceptions of our own, each with the sentence that a user needs."""

from typing import Self

__all__ = ["Aborted", "Cancelled", "FuseError", "LightworkError", "Refused", "Stopped", "TimedOut"]


class LightworkError(Exception):
    """What every exception of this package that NumPy or Python has no name for derives from."""


class Stopped(LightworkError):
    """A nested parallel call was given up because the call around it failed or was interrupted; that one tells why."""


class Aborted(LightworkError):
    """A run over items gave up before it came to this one, because too many others had failed or its source had."""


class Cancelled(LightworkError):
    """A run over items was told to stop before it came to this one, or an item found that nobody wants its result."""


class TimedOut(LightworkError, TimeoutError):
    """A run over items, or one item, took longer than it was given; it is a ``TimeoutError``, too."""


class Refused(LightworkError):
    """
    The last attempt returned what ``retry_result`` refuses; ask for ``fallback`` to get a value all the same.

    Attributes
    ----------
    value : object
        What it returned.
    """

    value: object = None

    @classmethod
    def of(cls, value: object, reason: str) -> Self:
        """Return the error of a value, and of why there is no other."""
        error = cls(f"retry_result refuses the value that was returned, and {reason}")
        error.value = value
        return error


class FuseError(LightworkError, TypeError):
    """A fused function does something that cannot be done before its arrays' items are known; the message says where, and what to do instead."""
