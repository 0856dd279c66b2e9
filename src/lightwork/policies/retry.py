"""What is done again when it fails, how often, and after how long."""

from __future__ import annotations

import math
import random as system_random
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from lightwork._errors import Cancelled, Stopped
from lightwork.policies.attempts import Attempts
from lightwork.policies.backoff import JITTERS, Backoff, Random, jittered, planned
from lightwork.policies.calling import Calling
from lightwork.policies.checks import check_callable, check_choice, check_error_types, checked_count, checked_int, checked_number, checked_seconds
from lightwork.policies.decision import Decision, RetryInfo
from lightwork.policies.http import TEMPORARY, ErrorTypes, rules

__all__ = ["BACKOFF", "Retry"]

DONE: Final[Decision] = Decision("done")

# What each option that is a function takes.
FUNCTIONS: Final[dict[str, str]] = {
    "retry_if": "an exception",
    "retry_result": "a value",
    "wait_from": "an exception or a refused value",
    "on_retry": "a RetryInfo",
    "fallback": "an exception; to have a constant write lambda error: constant",
}

# Whether there is any wait before a retry; tests turn it off.
BACKOFF: Final[ContextVar[bool]] = ContextVar("lightwork.backoff", default=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Calling):
    """
    What is called again when it fails, how often, and after how long.

    Handed to a parallel call for each of its items, or used alone: :meth:`call`, :meth:`acall`, or as a decorator of functions and
    async functions. The wait after attempt `k` is ``backoff * factor ** (k - 1)`` seconds, spread by `jitter`.

    Parameters
    ----------
    attempts : int or None, default 3
        How often to call at most, the first time included. None: until `max_elapsed`, which has to be given then.
    backoff : float or callable, default 1.0
        Seconds before the second attempt; or a function from the number of attempts made to seconds.
    factor : float, default 2.0
        How many times as long each wait is as the one before; 1 for equal waits.
    max_delay : float, default 60.0
        The longest wait in seconds, jitter included.
    jitter : {"full", "equal", "half", "decorrelated", "none"}, default "full"
        Draws the wait evenly from a range, for a planned one of `d` seconds: from 0 to `d`, from `d/2` to `d`, from `d/2` to
        `3d/2`; by a random walk that begins at `backoff` and goes to between `backoff` and thrice where it was; or not.
    on : type or tuple of types, default Exception
        The exceptions that are worth another attempt. What is no ``Exception``, such as ``KeyboardInterrupt``, never is, and
        neither is a MemoryError, nor what ends an item whose result nobody wants, :class:`Cancelled`.
    retry_if : callable, optional
        Takes such an exception; there is another attempt if the answer is true.
    retry_result : callable, optional
        Takes a value that was returned; there is another attempt if the answer is true. A call whose last value is refused
        fails with :class:`Refused`.
    wait_from : callable, optional
        Takes the exception or the refused value, and returns for how many seconds the other end asks to be left alone, or
        None. They are waited in full, and the back-off's jitter on top.
    max_server_wait : float, default 600.0
        Seconds; who asks to be left alone for longer is not asked again.
    max_elapsed : float, optional
        Seconds since the first attempt began. A wait that would end later is not begun.
    when : {"now", "end"}, default "now"
        Among many items: whether an item is tried again when its wait is over, or when all others have had their turn, too.
    on_retry : callable, optional
        Takes a :class:`RetryInfo`, before each wait.
    fallback : callable, optional
        When attempts or time are used up: takes the exception and returns the value to be had instead.
    seed : int, optional
        Draws the jitter from this seed, for waits that can be repeated.

    Raises
    ------
    TypeError, ValueError
        If a number is none, NaN, infinite, negative or out of range, a function cannot be called, or an option is unknown.

    Notes
    -----
    Frozen and without state: any number of threads and calls may share it, and it can be pickled if its functions can. The kinds of
    jitter are compared by M. Brooker in *Exponential Backoff And Jitter*, AWS Architecture Blog, 2015.

    Examples
    --------
    >>> import lightwork as lw
    >>> patient = lw.Retry(attempts=5, backoff=0.001, on=ConnectionError)
    >>> answers = iter([ConnectionError("down"), "up"])
    >>> def ask():
    ...     answer = next(answers)
    ...     if isinstance(answer, Exception):
    ...         raise answer
    ...     return answer
    >>> patient.call(ask)
    'up'
    """

    attempts: int | None = field(default=3, kw_only=False)
    backoff: Backoff = 1.0
    factor: float = 2.0
    max_delay: float = 60.0
    jitter: Literal["full", "equal", "half", "decorrelated", "none"] = "full"
    on: ErrorTypes = Exception
    retry_if: Callable[[Any], object] | None = None
    retry_result: Callable[[Any], object] | None = None
    wait_from: Callable[[Any], float | None] | None = None
    max_server_wait: float = 600.0
    max_elapsed: float | None = None
    when: Literal["now", "end"] = "now"
    on_retry: Callable[[RetryInfo], object] | None = None
    fallback: Callable[[Any], Any] | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Check everything, and keep numbers as floats."""
        self._check_attempts()
        self._check_numbers()
        check_choice("jitter", self.jitter, JITTERS)
        check_choice("when", self.when, ("now", "end"))
        check_error_types("on", self.on)
        for name, parameter in FUNCTIONS.items():
            if getattr(self, name) is not None:
                check_callable(name, getattr(self, name), parameter)

    def _check_attempts(self) -> None:
        if self.attempts is not None:
            self._set("attempts", checked_count("attempts", self.attempts, "it counts all calls, and 1 means no retry"))
        elif self.max_elapsed is None:
            raise ValueError("attempts=None goes on until max_elapsed, which is not given; pass either")

    def _check_numbers(self) -> None:
        if not callable(self.backoff):
            self._set("backoff", checked_seconds("backoff", self.backoff))
        for name in ("max_delay", "max_server_wait"):
            self._set(name, checked_seconds(name, getattr(self, name)))
        if self.max_elapsed is not None:
            self._set("max_elapsed", checked_seconds("max_elapsed", self.max_elapsed))
        self._set("factor", checked_number("factor", self.factor))
        if not 1.0 <= self.factor < math.inf:
            raise ValueError(f"factor must be finite and at least 1, not {self.factor!r}; pass 1 for equal waits")
        if self.seed is not None:
            self._set("seed", checked_int("seed", self.seed, "pass None for waits that differ from run to run"))

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def for_http(
        cls,
        attempts: int | None = 3,
        *,
        statuses: Collection[int] = TEMPORARY,
        on: ErrorTypes = (ConnectionError, TimeoutError),
        response: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> Retry:
        """
        Return a policy for requests over HTTP, which waits as long as the server asks by ``Retry-After``.

        It knows what ``urllib``, ``http.client``, ``requests``, ``httpx`` and ``aiohttp`` raise or return, and whatever else has a status
        and headers by the same names.

        Parameters
        ----------
        attempts : int or None, default 3
            As of the class.
        statuses : collection of int, default {429, 502, 503, 504}
            The statuses that are worth another attempt.
        on : type or tuple of types, default (ConnectionError, TimeoutError)
            The exceptions that are so without having a status.
        response : callable, optional
            Takes what was raised or returned, and returns the response or None, for libraries that keep it elsewhere.
        **options
            Others of the class, but for `retry_if`, `retry_result` and `wait_from`.

        Notes
        -----
        ``Retry-After`` counts in seconds or as a date (RFC 9110, 10.2.3).
        """
        return cls(attempts, **rules(statuses, on, response), **options)

    def decide(
        self,
        attempt: int,
        error: BaseException | None,
        result: Any,
        elapsed: float,
        random: Random = system_random,
        *,
        remaining: float = math.inf,
    ) -> Decision:
        """
        Return what comes after an attempt; a function of its arguments alone, but for a test's :func:`lightwork.testing.no_backoff`.

        Parameters
        ----------
        attempt : int
            How many attempts have been made, 1 after the first.
        error : BaseException or None
            What the last one raised; None if it returned.
        result : object
            What it returned, if it did.
        elapsed : float
            Seconds since the first one began.
        random : Random, optional
            What draws the jitter: see :meth:`random_for`.
        remaining : float, optional
            Seconds until a deadline of the caller's. A wait that would end after it is not begun.

        Returns
        -------
        Decision
            What to do.
        """
        if not self._refuses(error, result):
            return DONE if error is None else Decision("give_up", reason=f"{type(error).__name__} is not retried")
        asked = self._asked(result if error is None else error)
        if asked > self.max_server_wait:
            return self._given_up(f"the other end asks for {asked:.3g} s, more than max_server_wait", 0.0)
        if self.attempts is not None and attempt >= self.attempts:
            return self._given_up("no more attempts are allowed", asked)
        delay = self._delay(attempt, asked, random) if BACKOFF.get() else 0.0
        if self.max_elapsed is not None and elapsed + delay > self.max_elapsed:
            return self._given_up(f"a wait of {delay:.3g} s would end after max_elapsed", asked)
        if delay > remaining:
            return self._given_up(f"a wait of {delay:.3g} s would end after the deadline", asked)
        return Decision("retry", delay, asked)

    def random_for(self, *key: int) -> Random:
        """
        Return what draws the jitter.

        Parameters
        ----------
        *key : int
            For which call, such as the index of its item and the number of its attempt. With a seed the draws depend on these and on the
            seed; without one they are the process's.
        """
        return system_random if self.seed is None else system_random.Random(f"{self.seed}:{key}")  # noqa: S311 - no secret

    def begin(self) -> Attempts:
        """Return what counts and judges the attempts of one call."""
        return Attempts(self.decide, self.on_retry, self.random_for())

    def _refuses(self, error: BaseException | None, result: Any) -> bool:
        """Whether an outcome is worth another attempt."""
        if error is None:
            return self.retry_result is not None and bool(self.retry_result(result))
        if not isinstance(error, self.on) or isinstance(error, (Cancelled, Stopped, MemoryError)):
            return False
        return self.retry_if is None or bool(self.retry_if(error))

    def _given_up(self, reason: str, pause: float) -> Decision:
        return Decision("give_up", pause=pause, fallback=self.fallback, reason=reason)

    def _asked(self, outcome: Any) -> float:
        """Return for how many seconds the other end asks to be left alone."""
        asked = None if self.wait_from is None else self.wait_from(outcome)
        return 0.0 if asked is None or not BACKOFF.get() else checked_seconds("what wait_from returned", asked, finite=False)

    def _delay(self, attempt: int, asked: float, random: Random) -> float:
        delay = planned(self.backoff, self.factor, self.max_delay, attempt)
        if not asked:
            first = planned(self.backoff, self.factor, self.max_delay, 1)
            return jittered(self.jitter, delay, first, self.max_delay, attempt, random)
        # Who comes too early is sent away again, so the spread goes on top.
        return asked if self.jitter == "none" else asked + delay * random.random()
