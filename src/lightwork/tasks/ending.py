"""How the threads that all calls share are let go."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Iterable
from typing import Protocol

from lightwork._clock import SYSTEM
from lightwork._core.items import shared_core
from lightwork._core.pool import is_in_chunk, is_worker
from lightwork._core.threads import await_starts, dismiss_default, leaving_default
from lightwork._log import LOGGER
from lightwork.executors.process.workshop import WORKSHOP
from lightwork.policies.checks import checked_number
from lightwork.tasks.promise import cancel_waiting

__all__ = ["shutdown"]

MOST_SECONDS = 1e6  # that a process can be waited for by a poll; that of threads is longer


def shutdown(timeout: float | None = None, cancel_pending: bool = False) -> bool:
    """
    End the threads of the default pools, those for arrays and those for items, and worker processes, once they have nothing to do.

    Nothing has to be shut down for a program to end. It is for those who want to know that nothing is under way: before a fork,
    in tests, when a service is unloaded. Later calls start threads again.

    Parameters
    ----------
    timeout : float, optional
        Seconds to wait at most. Default: until all have ended, however long others keep them busy.
    cancel_pending : bool, default False
        Cancel the calls that were submitted (:func:`submit`) and that nobody has begun. What has begun ends in its own time, and so do
        runs over items; a :class:`StopToken` ends those.

    Returns
    -------
    bool
        Whether all threads, and idle processes, that there were have ended. Those that have not will, when they find nothing to do.

    Notes
    -----
    Thread-safe. It does not wait where whom it waits for may be waiting for the caller: in a worker, in an item or chunk, in a callback of
    ours or a signal handler in the middle of one of our calls, and while the interpreter exits. There it asks the threads to end and returns at
    once, False if there are any.

    Pools of one's own are not meant: :meth:`Pool.shutdown`.

    Examples
    --------
    >>> import lightwork as lw
    >>> lw.submit(pow, 2, 10).result()
    1024
    >>> lw.shutdown()
    True
    >>> lw.submit(pow, 2, 10).result()
    1024
    """
    if not SYSTEM:  # type: ignore[truthy-bool]  # a finalizer's call when the interpreter has taken all names from this module
        return False
    end = SYSTEM.now() + (math.inf if timeout is None else max(checked_number("timeout", timeout), 0.0))
    n_cancelled = cancel_waiting(shared_core(), shared_core().spawn) if cancel_pending else 0  # what runs over items wait for is put back
    ending: set[Ending] = {*dismiss_default(), *shared_core().dismiss(), *WORKSHOP.dismiss()}
    if _may_wait():
        _join(ending, end)
        ending.update(_join_heirs(end))
    n_left = sum(one.is_alive() for one in ending)
    LOGGER.debug("shutdown: %d threads and processes asked to end, %d have not; %d calls cancelled", len(ending), n_left, n_cancelled)
    return n_left == 0


class Ending(Protocol):
    """A thread or process that is about to end."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has, or for some seconds."""
        ...

    def is_alive(self) -> bool:
        """Whether it has not."""
        ...


def _join(ending: Iterable[Ending], end: float) -> None:
    for one in ending:
        one.join(None if end == math.inf else min(max(end - SYSTEM.now(), 0.0), MOST_SECONDS))


def _join_heirs(end: float) -> list[Ending]:
    """Wait for those whom others started when they had been asked to end already; return those who have not ended in time."""
    await_starts(end - SYSTEM.now())
    while heirs := [*leaving_default(), *shared_core().leaving()]:
        _join(heirs, end)
        if SYSTEM.now() >= end:
            break
    return list(heirs)


def _may_wait() -> bool:
    return not (is_worker() or is_in_chunk() or sys.is_finalizing() or _is_within_a_call())


def _is_within_a_call() -> bool:
    """Whether code of ours is being run by this thread: in a signal handler or a finalizer it may have a lock that those who are waited for want."""
    frame = inspect.currentframe()
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("lightwork.") and name != __name__:
            return True
        frame = frame.f_back
    return False
