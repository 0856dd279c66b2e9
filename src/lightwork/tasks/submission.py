"""Calls handed one by one to the threads that all items share."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from lightwork._config import settings
from lightwork._core.items import count_aside, shared_core
from lightwork.executors.serial import INLINE
from lightwork.executors.stealing import default_workers
from lightwork.tasks.errand import Errand, count_errands
from lightwork.tasks.handle import Handle
from lightwork.tasks.promise import promise

__all__ = ["submit"]

P = ParamSpec("P")
T = TypeVar("T")


def submit(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Handle[T]:
    """
    Have ``fn(*args, **kwargs)`` called by another thread, in a copy of the caller's context.

    The threads are those that all calls over items share. They are started for as many submitted calls at a time as
    :func:`configure` says `workers`, else ``min(32, cpu_budget() + 4)``, not counting those that wait for others; other calls wait for their
    turn, first come, first served.

    Parameters
    ----------
    fn : callable
        The function.
    *args, **kwargs
        Its arguments.

    Returns
    -------
    Handle
        A future of the result.

    Raises
    ------
    TypeError
        If `fn` cannot be called.
    RuntimeError
        If the interpreter exits, or the system gives not one thread.

    Notes
    -----
    May be called from anywhere: tasks, callbacks, finalizers, signal handlers. Calls that were submitted are finished before the
    interpreter exits. A task may wait for others by :meth:`Handle.result`, :func:`gather`, :func:`as_completed` and :func:`wait`.

    Examples
    --------
    >>> import lightwork as lw
    >>> lw.submit(pow, 2, 10).result()
    1024
    """
    if not callable(fn):
        raise TypeError(f"fn must be a function, not {fn!r}; its arguments follow it: submit(fn, 1, 2)")
    handle: Handle[T] = promise(Handle, shared_core(), settings().metrics, fn, args, kwargs)
    if INLINE.get() is None:
        _spawn(Errand(handle))
    else:
        handle()
    return handle


def _spawn(errand: Errand) -> None:
    is_due = _is_thread_due()
    shared_core().spawn(errand, is_due)
    if not is_due and _is_thread_due():
        shared_core().spawn(_come)  # for one that stepped aside before the errand was there to see


def _is_thread_due() -> bool:
    """Whether a thread may be started for the latest call: those that wait in theirs have given their places to others."""
    return count_errands() - count_aside() <= (settings().workers or default_workers())


def _come(failure: BaseException | None = None) -> None:
    """Do nothing, in a thread that may have been started for it."""
