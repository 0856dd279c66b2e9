"""Whether threads keep each other from computing in Python."""

import sys

__all__ = ["has_gil"]


def has_gil() -> bool:
    """Whether this interpreter has a GIL, and it is on."""
    is_enabled: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
    return is_enabled
