"""The exceptions of our own, each with the sentence that a user needs."""

__all__ = ["FuseError", "LightworkError", "Stopped"]


class LightworkError(Exception):
    """What every exception of this package that NumPy or Python has no name for derives from."""


class Stopped(LightworkError):
    """A nested parallel call was given up because the call around it failed or was interrupted; that one tells why."""


class FuseError(LightworkError, TypeError):
    """A fused function does something that cannot be done before its arrays' items are known; the message says where, and what to do instead."""
