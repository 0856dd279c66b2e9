"""Waiting for several calls at once, in a worker too."""

from __future__ import annotations

import concurrent.futures
import math
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, CancelledError, Future
from contextlib import contextmanager, suppress
from typing import Any, Literal, NamedTuple, TypeVar, overload

from lightwork._clock import Waker, clock
from lightwork._core.pool import is_worker, stand_by
from lightwork._errors import TimedOut
from lightwork.policies.checks import check_choice, checked_number
from lightwork.tasks.handle import Handle

__all__ = ["Waited", "as_completed", "gather", "wait"]

T = TypeVar("T")

PENDING = ("PENDING", "RUNNING")  # states of a future whose callbacks nobody calls yet

ReturnWhen = Literal["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]


class Waited(NamedTuple):
    """
    What :func:`wait` has seen.

    Attributes
    ----------
    done, not_done : set of Future
        Those that have ended, cancelled ones included, and the others.
    """

    done: set[Future[Any]]
    not_done: set[Future[Any]]


@overload
def gather(handles: Iterable[Future[T]], return_exceptions: Literal[False] = False) -> list[T]: ...
@overload
def gather(handles: Iterable[Future[T]], return_exceptions: bool) -> list[T | BaseException]: ...
def gather(handles: Iterable[Future[Any]], return_exceptions: bool = False) -> list[Any]:
    """
    Wait for calls, and return what they returned, in their order.

    Parameters
    ----------
    handles : iterable of concurrent.futures.Future
        Of :func:`submit`, of pools, or anybody's. One may be there several times.
    return_exceptions : bool, default False
        Wait for all, and put exceptions in the places of values.

    Returns
    -------
    list
        The results.

    Raises
    ------
    BaseException
        What the first one raised that fails, and of those that have failed by then the first in the list; ``CancelledError`` for one that was
        cancelled. The others go on: they are not cancelled, and their handles have what comes of them.

    Notes
    -----
    A worker may wait for calls of its own pool: it runs those itself that nobody has begun, one after the other, and runs nothing else.

    Examples
    --------
    >>> import lightwork as lw
    >>> lw.gather([lw.submit(pow, 2, n) for n in range(5)])
    [1, 2, 4, 8, 16]
    >>> lw.gather([lw.submit(int, "7"), lw.submit(int, "x")], return_exceptions=True)
    [7, ValueError("invalid literal for int() with base 10: 'x'")]
    """
    futures = _checked(handles)
    try:
        if return_exceptions:
            _wait(futures, math.inf, _never)
            return [_outcome(future) for future in futures]
        if _wait(futures, math.inf, _has_no_value):
            next(future for future in futures if future.done() and _has_no_value(future)).result()
        return [future.result() for future in futures]
    finally:
        del handles, futures  # else a traceback would keep them, and they the traceback


def as_completed(handles: Iterable[Future[T]], timeout: float | None = None) -> Iterator[Future[T]]:
    """
    Yield calls as they end.

    Parameters
    ----------
    handles : iterable of concurrent.futures.Future
        Of :func:`submit`, of pools, or anybody's. One that is there several times is yielded once.
    timeout : float, optional
        Seconds from the first that is asked for to the last.

    Yields
    ------
    concurrent.futures.Future
        The handle itself, done: in the order in which they end, and those that have ended already in that of `handles`.

    Raises
    ------
    TimedOut
        If some have not ended in time, a ``TimeoutError``; they go on.

    Notes
    -----
    In a worker as :func:`gather`; what it runs itself it does not interrupt for the timeout.

    Examples
    --------
    >>> import lightwork as lw
    >>> sorted(handle.result() for handle in lw.as_completed([lw.submit(abs, n) for n in (-3, 2)]))
    [2, 3]
    """
    return _as_completed(list(dict.fromkeys(_checked(handles))), _seconds(timeout))


def wait(handles: Iterable[Future[Any]], timeout: float | None = None, return_when: ReturnWhen = "ALL_COMPLETED") -> Waited:
    """
    Wait for calls, and tell which have ended.

    Parameters
    ----------
    handles : iterable of concurrent.futures.Future
        Of :func:`submit`, of pools, or anybody's.
    timeout : float, optional
        Seconds after which to return in any case.
    return_when : {"ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"}
        The constants of ``concurrent.futures``: when all have ended, one has, or one has raised.

    Returns
    -------
    Waited
        Two sets, `done` and `not_done`.

    Notes
    -----
    In a worker as :func:`gather`; what it runs itself it does not interrupt for the timeout.

    Examples
    --------
    >>> import lightwork as lw
    >>> done, not_done = lw.wait([lw.submit(abs, n) for n in (-3, 2)])
    >>> len(done), len(not_done)
    (2, 0)
    """
    check_choice("return_when", return_when, ENOUGH)
    futures = _checked(handles)
    _wait(list(dict.fromkeys(futures)), _seconds(timeout), ENOUGH[return_when])
    done = {future for future in futures if future.done()}
    return Waited(done, set(futures) - done)


# --- What is waited for -----------------------------------------------------------------------------------------------


def _checked(handles: Iterable[Future[Any]]) -> list[Future[Any]]:
    if not _holds_things(handles):
        raise TypeError(f"handles must be in a list or another iterable, also a single one, not {handles!r}: gather([first, second])")
    futures = list(handles)
    for future in futures:
        if not isinstance(future, concurrent.futures.Future):
            raise TypeError(f"handles must be futures such as submit() returns, not {future!r}; submit a function, or use asyncio.gather()")
    return futures


def _holds_things(given: object) -> bool:
    """Whether something can be gone through, and not for another reason, as text and what is to be awaited can be."""
    return (hasattr(given, "__iter__") or hasattr(given, "__getitem__")) and not isinstance(given, str | bytes | Awaitable)


def _seconds(timeout: float | None) -> float:
    return math.inf if timeout is None else max(checked_number("timeout", timeout), 0.0)


def _outcome(future: Future[Any]) -> Any:
    try:
        error = future.exception()
    except CancelledError as cancelled:
        return cancelled
    return future.result() if error is None else error


def _never(_: Future[Any]) -> bool:
    return False


def _always(_: Future[Any]) -> bool:
    return True


def _has_raised(future: Future[Any]) -> bool:
    return not future.cancelled() and future.exception() is not None


def _has_no_value(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None


# What has ended, is it enough?
ENOUGH: dict[str, Callable[[Future[Any]], bool]] = {ALL_COMPLETED: _never, FIRST_COMPLETED: _always, FIRST_EXCEPTION: _has_raised}


# --- How --------------------------------------------------------------------------------------------------------------


def _wait(futures: Sequence[Future[Any]], seconds: float, is_enough: Callable[[Future[Any]], bool]) -> bool:
    """Return when all have ended, or one that is enough, or the time is over; whether one was enough."""
    with suppress(TimedOut):
        return any(map(is_enough, _as_completed(futures, seconds)))
    return False


def _as_completed(futures: Sequence[Future[T]], seconds: float) -> Generator[Future[T]]:
    """Yield futures as they end, and run in between those that wait for this very thread."""
    time = clock()
    deadline = time.now() + seconds
    waker = Waker()
    begun = iter(futures if is_worker() else ())
    with _news_of(futures, waker) as ended:
        for n_left in range(len(futures), 0, -1):
            while not ended:
                left = deadline - time.now()
                if left <= 0:
                    raise TimedOut(f"{n_left} of {len(futures)} calls have not ended within {seconds} seconds; they go on")
                if not _lends_a_hand(begun):
                    stand_by(time.sleep, waker, left)
            yield ended.popleft()


@contextmanager
def _news_of(futures: Sequence[Future[T]], waker: Waker) -> Generator[deque[Future[T]]]:
    """Give a queue to which each future is added when it ends, and let go of them in the end."""
    ended: deque[Future[T]] = deque()

    def tell(future: Future[T]) -> None:
        ended.append(future)
        waker.wake()

    try:
        for future in futures:
            future.add_done_callback(tell)
        yield ended
    finally:
        for future in futures:
            _forget(future, tell)


def _forget(future: Future[Any], tell: Callable[[Future[Any]], None]) -> None:
    """Take a callback back, so that who waits for one future again and again leaves nothing with it."""
    if future.done():
        return
    with future._condition:  # noqa: SLF001 - there is no other way, and the standard library's waits do likewise
        callbacks: list[Any] = getattr(future, "_done_callbacks", [])
        if future._state in PENDING and tell in callbacks:  # noqa: SLF001
            callbacks.remove(tell)


def _lends_a_hand(futures: Iterator[Future[Any]]) -> bool:
    """Go through futures until one was for this thread to run; whether there was one."""
    return any(isinstance(future, Handle) and future.lend_a_hand() for future in futures)
