"""The exceptions of our own, each with the sentence that a user needs."""

from typing import Self

__all__ = ["FuseError", "LightworkError", "Refused", "Stopped"]


class LightworkError(Exception):
    """What every exception of this package that NumPy or Python has no name for derives from."""


class Stopped(LightworkError):
    """A nested parallel call was given up because the call around it failed or was interrupted; that one tells why."""


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
