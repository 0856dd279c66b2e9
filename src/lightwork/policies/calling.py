"""Calling functions by a policy."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from lightwork._clock import sleep, sleep_async
from lightwork.policies.attempts import Attempts
from lightwork.policies.checks import is_async

__all__ = ["Calling"]

P = ParamSpec("P")
T = TypeVar("T")


class Calling(ABC):
    """What a policy that decides is good for by itself."""

    __slots__ = ()

    @abstractmethod
    def begin(self) -> Attempts:
        """Return what counts and judges the attempts of one call."""

    def call(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Return what a function returns, in as many attempts as it takes and the policy allows.

        Raises
        ------
        Exception
            What the last attempt raised, with a note of how many there were.
        Refused
            If `retry_result` refuses what the last attempt returned.

        Notes
        -----
        The calling thread sleeps between attempts; Ctrl-C ends that. Among many items nobody has to: there, hand the policy to
        the parallel call.
        """
        if is_async(fn):
            raise TypeError("an async function is retried by Retry.acall(), or decorated by the policy")
        attempts = self.begin()
        while True:
            with attempts:
                attempts.result = fn(*args, **kwargs)
            if attempts.delay is None:
                return cast("T", attempts.result)
            sleep(attempts.delay)

    async def acall(self, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what an async function returns: as :meth:`call`, but the event loop goes on. A cancellation ends it at once."""
        attempts = self.begin()
        while True:
            with attempts:
                attempts.result = await fn(*args, **kwargs)
            if attempts.delay is None:
                return cast("T", attempts.result)
            await sleep_async(attempts.delay)

    def __call__(self, fn: Callable[P, T], /) -> Callable[P, T]:
        """Return a function that calls another by this policy; async if that is."""
        for wrapper in (staticmethod, classmethod):
            if isinstance(fn, wrapper):
                raise TypeError(f"write the policy below @{wrapper.__name__}, next to the function")
        if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
            raise TypeError("a generator cannot be begun again halfway; retry what it calls")
        if not callable(fn):
            raise TypeError(f"a policy decorates functions, not {fn!r}")
        return cast("Callable[P, T]", self._async_wrapper(fn)) if is_async(fn) else self._wrapper(fn)

    def _wrapper(self, fn: Callable[P, T]) -> Callable[P, T]:
        @wraps(fn)
        def retried(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.call(fn, *args, **kwargs)

        return retried

    def _async_wrapper(self, fn: Callable[P, Any]) -> Callable[P, Any]:
        @wraps(fn)
        async def retried(*args: P.args, **kwargs: P.kwargs) -> Any:
            return await self.acall(fn, *args, **kwargs)

        return retried
