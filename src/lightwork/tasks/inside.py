"""What a function can say and ask while it runs as an item of a call."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from lightwork._errors import Cancelled

__all__ = ["Item", "Stoppable", "check_cancelled", "report_progress", "running"]


class Stoppable(Protocol):
    """What tells an item that it is not wanted any more: a stop token, or what looks like one."""

    @property
    def is_stopped(self) -> bool:
        """Whether somebody said so."""
        ...

    @property
    def reason(self) -> Any:
        """Why, if that was said; an exception becomes the cause of what the item raises."""
        ...


class Item(NamedTuple):
    """
    The item that a function runs for, as far as somebody wants to stop it or to hear from it.

    Attributes
    ----------
    cancelled : Stoppable or None
        What :func:`check_cancelled` looks at.
    report : callable or None
        What :func:`report_progress` calls with `done` and `total`, in the thread of the item.
    """

    cancelled: Stoppable | None = None
    report: Callable[[float, float | None], object] | None = None


running: ContextVar[Item | None] = ContextVar("lightwork.item", default=None)


def check_cancelled() -> None:
    """
    Raise if the result of the item that this runs in is not wanted any more.

    A thread cannot be stopped from outside. A long item that calls this now and then ends soon after its run was stopped
    or its own time was over, instead of working for nobody.

    Raises
    ------
    Cancelled
        If the run was stopped or timed out, or the item took longer than its ``task_timeout``. Outside of items, and in
        those that nobody can cancel, nothing happens.

    Notes
    -----
    Some tenths of a microsecond. In a function that the item calls, too, and in threads that were started with its context.

    Examples
    --------
    >>> import lightwork as lw
    >>> def total(numbers):
    ...     result = 0
    ...     for number in numbers:
    ...         lw.check_cancelled()
    ...         result += number
    ...     return result
    >>> total(range(10))
    45
    """
    item = running.get()
    if item is not None and item.cancelled is not None and item.cancelled.is_stopped:
        raise _cancellation(item.cancelled.reason)


def _cancellation(reason: Any) -> Cancelled:
    because = "" if reason is None else f": {reason}"
    cancelled = Cancelled(f"the result of this item is not wanted any more{because}")
    if isinstance(reason, BaseException):
        cancelled.__cause__ = reason
    return cancelled


def report_progress(done: float, total: float | None = None) -> None:
    """
    Tell whoever follows the run how far the item that this runs in has come.

    Parameters
    ----------
    done : float
        What is done of it, in any unit: bytes, rows, steps.
    total : float, optional
        How much there is, in the same unit; None where that is not known.

    Raises
    ------
    ValueError
        If `done` is negative or no number, or more than `total`.

    Notes
    -----
    Where nobody listens, and outside of items, nothing happens.

    Examples
    --------
    >>> import lightwork as lw
    >>> lw.report_progress(512, total=2048)
    """
    if not (done >= 0 if total is None else 0 <= done <= total):
        raise ValueError(f"done must be a number from 0 to total, not {done!r} of {total!r}; leave total out where it is not known")
    item = running.get()
    if item is not None and item.report is not None:
        item.report(done, total)
