"""A wish that work should stop, made anywhere and heard everywhere."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator
from typing import Any, NoReturn

from lightwork._clock import LoopWaker, Waker, clock
from lightwork.policies.checks import check_callable, checked_seconds

__all__ = ["StopToken"]


class Subscription:
    """A callback that runs at most once, whichever of the tokens in whose tables it stands is stopped first."""

    __slots__ = ("_callbacks", "_tables")

    def __init__(self, callback: Callable[[], object], tables: list[Table]) -> None:
        self._callbacks = [callback]
        self._tables = tables
        for table in tables:
            table[self] = None

    def run(self) -> None:
        """Call back, unless that was done or taken back."""
        for callback in self.end():
            callback()

    def end(self) -> list[Callable[[], object]]:
        """Leave the tables, and return the callback to the first who asks."""
        for table in self._tables:
            table.pop(self, None)
        with contextlib.suppress(IndexError):
            return [self._callbacks.pop()]  # atomic: exactly one thread gets it
        return []


Table = dict[Subscription, None]  # in the order of subscription


class StopToken:
    """
    Tells any number of calls to stop: handed to them beforehand, stopped from anywhere.

    Notes
    -----
    Thread-safe without a lock: :meth:`stop` may be called from any thread, from callbacks, finalizers and signal handlers. It is
    for good. Nothing polls: who waits is called.

    Examples
    --------
    >>> import lightwork as lw
    >>> token = lw.StopToken()
    >>> unsubscribe = token.on_stop(lambda: print("stopping"))
    >>> token.stop("enough was found")
    stopping
    True
    >>> token.is_stopped, token.reason
    (True, 'enough was found')
    """

    __slots__ = ("__weakref__", "_parents", "_reasons", "_subscriptions")

    def __init__(self) -> None:
        self._parents: tuple[StopToken, ...] = ()
        # Who stops writes the reason and then reads the subscriptions; who subscribes does so the other way round. Methods of
        # dicts are atomic and in one order for all, so at least one of the two sees the other.
        self._reasons: dict[None, list[object]] = {}
        self._subscriptions: Table = {}

    @classmethod
    def linked(cls, *tokens: StopToken) -> StopToken:
        """
        Return a token that is stopped when any of some tokens is, or by itself; stopping it leaves those alone.

        They do not keep it alive, and remember what waits for it no longer than it does.
        """
        linked = cls()
        linked._parents = tokens
        return linked

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it."""
        return self._reason() is not None

    @property
    def reason(self) -> object:
        """What the first who stopped it gave as the reason, or None."""
        reason = self._reason()
        return reason[0] if reason else None

    def stop(self, reason: object = None) -> bool:
        """
        Stop everything that was handed this token.

        Parameters
        ----------
        reason : object, optional
            Kept in :attr:`reason`, if this is the first call.

        Returns
        -------
        bool
            Whether this call is what stopped it.

        Raises
        ------
        ExceptionGroup
            Of what callbacks raised, after all have been called.
        """
        mine = [reason]  # a new object, which tells this call from others
        is_first = self._reason() is None and self._reasons.setdefault(None, mine) is mine
        self._tell()
        return is_first

    def on_stop(self, callback: Callable[[], object]) -> Callable[[], None]:
        """
        Have a function called when the token is stopped: by who stops it, at once if it is already.

        Parameters
        ----------
        callback : callable
            Takes nothing. It is called once, and no lock is held; as that may be in a signal handler, it should be quick.

        Returns
        -------
        callable
            Takes the subscription back, unless another thread is about to call already.
        """
        check_callable("callback", callback, "nothing")
        subscription = Subscription(callback, self._tables())
        if self.is_stopped:
            subscription.run()
        return lambda: subscription.end().clear()

    def wait(self, timeout: float | None = None) -> bool:
        """
        Block until the token is stopped.

        Parameters
        ----------
        timeout : float, optional
            How many seconds to wait at most.

        Returns
        -------
        bool
            Whether it is stopped.
        """
        time = clock()
        end = time.now() + (math.inf if timeout is None else checked_seconds("timeout", timeout, finite=False))
        waker = Waker()
        unsubscribe = self.on_stop(waker.wake)
        try:
            while not self.is_stopped and (now := time.now()) < end:
                time.sleep(waker, end - now)
        finally:
            unsubscribe()
        return self.is_stopped

    def __await__(self) -> Generator[Any, None, None]:
        """Wait in an event loop until the token is stopped."""
        return self._wait_async().__await__()

    async def _wait_async(self) -> None:
        waker = LoopWaker()
        unsubscribe = self.on_stop(waker.wake)
        try:
            while not self.is_stopped:
                await waker.sleep(math.inf)
        finally:
            unsubscribe()

    def _tables(self) -> list[Table]:
        """Return the subscriptions of the token and of all that stop it, each once."""
        found = {id(self._subscriptions): self._subscriptions}
        for parent in self._parents:
            found |= {id(table): table for table in parent._tables()}  # noqa: SLF001 - of its own class
        return list(found.values())

    def _reason(self) -> list[object] | None:
        """Return the reason in a list, which a linked token takes over from the first that it sees stopped; None before."""
        if not self._reasons:
            for parent in self._parents:
                if (reason := parent._reason()) is not None:  # noqa: SLF001
                    return self._reasons.setdefault(None, reason)
        return self._reasons.get(None)

    def _tell(self) -> None:
        errors: list[Exception] = []
        while subscriptions := list(self._subscriptions):
            for subscription in subscriptions:
                try:
                    subscription.run()
                except Exception as error:
                    errors.append(error)
        if errors:
            raise ExceptionGroup("callbacks failed; the token is stopped all the same", errors)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stop token belongs to its process and cannot be pickled")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {f'stopped: {self.reason!r}' if self.is_stopped else 'not stopped'}>"
