"""What each thread of a pool does before its first call."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures._base import LOGGER
from typing import Any

from lightwork.tasks.thread_pool import BrokenThreadPool

__all__ = ["Initializer"]


class Initializer:
    """
    A function that each thread of a pool calls first, and whether it ever failed.

    Parameters
    ----------
    fn : callable
    args : tuple

    Attributes
    ----------
    has_failed : bool
        Whether it has, somewhere.
    """

    def __init__(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        if not callable(fn):
            raise TypeError(f"initializer must be a callable, not {fn!r}")
        self.has_failed: bool = False
        self._fn = fn
        self._args = args

    def __call__(self) -> BrokenThreadPool | None:
        """Prepare this thread; return what its pool's calls are to fail with, if that failed, here or before."""
        try:
            if not self.has_failed:
                self._fn(*self._args)
        except BaseException:  # an exit too makes the thread unfit, and ends nothing else
            LOGGER.critical("Exception in initializer:", exc_info=True)
            self.has_failed = True
        return self.failure() if self.has_failed else None

    def failure(self) -> BrokenThreadPool:
        """Return what a submitted call fails with then; a new one, for what is raised keeps the frames that it went through."""
        return BrokenThreadPool("a thread initializer failed, so this pool makes no calls; the log of concurrent.futures says why")
