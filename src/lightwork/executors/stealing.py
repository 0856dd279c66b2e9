"""Threads of our own for items: apart from those for arrays, since items wait for disks and networks."""

from __future__ import annotations

from collections.abc import Callable

from lightwork._core.items import shared_core
from lightwork._core.pool import Core
from lightwork._cpus import cpu_budget
from lightwork.executors.futures import refusal

__all__ = ["Threads", "default_workers"]


def default_workers() -> int:
    """Return how many items to have in hand at a time where nobody says anything: more than there are CPUs, since items wait."""
    return min(32, cpu_budget() + 4)


class Threads:
    """
    Runs calls on the threads that all runs over items share; they start when they are needed.

    Parameters
    ----------
    n_workers : int
        How many calls at a time are asked for.
    core : Core, optional
        A pool of somebody's own to run them on instead.

    Attributes
    ----------
    core : Core
        That pool.
    is_here : bool
        Whether the thread that made this is itself one of those: then it must lend a hand while it waits, for there may be no other.
    """

    def __init__(self, n_workers: int, core: Core | None = None) -> None:
        self.core: Core = core or shared_core()
        self.n_workers = n_workers
        self.is_here: bool = self.core.is_here()
        self._spawn = self.core.spawn

    def spawn(self, call: Callable[..., object]) -> None:
        """Have a call made soon: without arguments, or with what keeps it from being made."""
        self._spawn(_Task(call), not self.is_here)  # runs within runs share the threads there are


class _Task:
    """A call on its way to a worker."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call

    def __call__(self, failure: BaseException | None = None) -> None:
        """Make the call, or tell it what keeps it from being made."""
        if failure is None:
            self._call()
        else:
            self._call(failure)

    def cancel(self) -> None:
        """Tell it that nobody will make it."""
        self._call(refusal())
