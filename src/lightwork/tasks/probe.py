"""What a call of a function costs, how well two threads share it, and what sending it to another process would cost; measured."""

from __future__ import annotations

import contextvars
import hashlib
import itertools
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lightwork._core.launch import launch
from lightwork.tasks.pickling import explain_pickle, is_picklable
from lightwork.tasks.ticker import Ticker

__all__ = ["Cost", "Rate", "Round", "pickle_cost", "probe"]

N_ROUNDS = 3  # of each measurement, in turn, so that what disturbs one disturbs the others as well
LEAST = 0.1  # of a CPU, and of a second one: a machine with less to spare does not tell anything apart
REFERENCE = bytes(200_000)  # a tenth of a millisecond of hashing, for which the interpreter lets go of the GIL


@dataclass(frozen=True)
class Cost:
    """
    What was measured of a function.

    Attributes
    ----------
    cpu_seconds : float
        CPU time of a call, that of threads of its own included.
    wait_seconds : float
        Time of a call in which it used no CPU though it could have had one.
    cpus : float
        How many CPUs a call uses by itself: more than 1 with threads of its own.
    overlap : float
        How much of two threads' calls runs side by side: 1 as much as this machine lets any calls, 0 nothing.
    pickle_seconds : float or None
        Time to pickle an item and its result; None if one of them, or the function, cannot be pickled.
    pickled_bytes : int
        Size of these pickles.
    obstacle : str or None
        What cannot be pickled, and which part of it.
    """

    cpu_seconds: float
    wait_seconds: float
    cpus: float
    overlap: float
    pickle_seconds: float | None
    pickled_bytes: int
    obstacle: str | None = None


class Rate(NamedTuple):
    """Calls, and the time that they took."""

    calls: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Calls in a second, of all threads."""
        return self.calls / self.seconds


class Round(NamedTuple):
    """A function in one thread and in two, and the same of hashing, which never holds the GIL and always wants a CPU."""

    alone: Rate
    together: Rate
    free_alone: Rate
    free_together: Rate
    gil_share: float

    @property
    def cpu_seconds(self) -> float:
        """CPU time of a call."""
        return self.alone.cpu_seconds / self.alone.calls

    @property
    def wait_seconds(self) -> float:
        """Time without CPU, less what the hashing had to wait for one, too."""
        return max(self.alone.seconds - self.alone.cpu_seconds / self._cpu_share, 0.0) / self.alone.calls

    @property
    def cpus(self) -> float:
        """CPUs that a call uses by itself."""
        return max(self.alone.cpu_seconds / self.alone.seconds / self._cpu_share, 1.0)

    @property
    def _cpu_share(self) -> float:
        """How much of a CPU one thread gets on this machine now."""
        return min(max(self.free_alone.cpu_seconds / self.free_alone.seconds, LEAST), 1.0)

    @property
    def overlap(self) -> float:
        """What two threads gain, of what two of hashing gain; but no more than the time in which the GIL could be had."""
        gain = self.together.per_second / self.alone.per_second - 1
        most = min(max(self.free_together.per_second / self.free_alone.per_second - 1, LEAST), 1.0)
        return min(max(gain / most, 0.0), 1.0 - self.gil_share)


def probe(fn: Callable[[Any], object], sample: Sequence[Any], seconds: float) -> Cost:
    """
    Measure a function on some items.

    Parameters
    ----------
    fn : callable
        Called with each item at least once, as often as there is time for, and in two threads at the same time.
    sample : sequence
        At least one item.
    seconds : float
        How long that may take, beyond the first calls.

    Returns
    -------
    Cost
    """
    from statistics import median  # noqa: PLC0415 - its import would take longer than ours

    begin = time.perf_counter()
    result = fn(sample[0])  # the first call may import, compile and fill caches
    is_long = time.perf_counter() - begin > seconds / N_ROUNDS
    n_rounds, share = (1, seconds / N_ROUNDS) if is_long else (N_ROUNDS, seconds / (4 * N_ROUNDS))
    rounds = [_round(fn, sample, share) for _ in range(n_rounds)]
    return Cost(
        median(each.cpu_seconds for each in rounds),
        median(each.wait_seconds for each in rounds),
        median(each.cpus for each in rounds),
        median(each.overlap for each in rounds),
        *pickle_cost(fn, sample[0], result),
    )


def _round(fn: Callable[[Any], object], sample: Sequence[Any], seconds: float) -> Round:
    with Ticker() as ticker:
        alone = _rate(fn, sample, 1, seconds)
    together = _rate(fn, sample, 2, seconds)
    return Round(alone, together, _rate(_hash, [REFERENCE], 1, seconds), _rate(_hash, [REFERENCE], 2, seconds), ticker.share)


def _hash(data: bytes) -> object:
    return hashlib.sha256(data).digest()


def _rate(fn: Callable[[Any], object], sample: Sequence[Any], n_threads: int, seconds: float) -> Rate:
    """Call a function in some threads for some time, at least once for each item in each."""
    begin, cpu_begin = time.perf_counter(), time.process_time()
    stop = begin + seconds
    callers = [_Caller(fn, sample, stop) for _ in range(n_threads)]
    for caller in callers:
        launch(caller)
    calls = sum(caller.calls_made() for caller in callers)
    return Rate(calls, time.perf_counter() - begin, time.process_time() - cpu_begin)


class _Caller(threading.Thread):
    """Calls a function until its time is over."""

    def __init__(self, fn: Callable[[Any], object], sample: Sequence[Any], stop: float) -> None:
        super().__init__(name="lightwork-probe", daemon=True)
        self._call = (fn, sample, stop, contextvars.copy_context())
        self._n_calls = 0
        self._error: BaseException | None = None

    def run(self) -> None:
        fn, sample, stop, context = self._call
        try:
            context.run(self._loop, fn, sample, stop)
        except BaseException as error:  # raised where the probe was asked for
            self._error = error

    def _loop(self, fn: Callable[[Any], object], sample: Sequence[Any], stop: float) -> None:
        for item in itertools.cycle(sample):
            fn(item)
            self._n_calls += 1
            if self._n_calls >= len(sample) and time.perf_counter() >= stop:
                return

    def calls_made(self) -> int:
        """Wait for the end; return the number of calls, or raise what one of them raised."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._n_calls


def pickle_cost(
    fn: Callable[[Any], object],
    item: object,
    result: object,
    *,
    travels: Callable[[object], bool] = is_picklable,
    dumps: Callable[[object], bytes] = pickle.dumps,
) -> tuple[float | None, int, str | None]:
    """Return the time to pickle an item and its result, their size, and what keeps them from being pickled."""
    for name, part in (("the function", fn), ("an item", item), ("a result", result)):
        if not travels(part):
            return None, 0, f"{name} cannot be pickled{_why_not(part)}"
    seconds, n_bytes = min(_timed_pickle((item, result), dumps) for _ in range(N_ROUNDS))
    return seconds, n_bytes, None


def _why_not(part: object) -> str:
    problems = explain_pickle(part).problems  # none, where only what travels by its contents fails
    return f": {problems[0]}" if problems else " with all that it refers to"


def _timed_pickle(parts: tuple[object, object], dumps: Callable[[object], bytes]) -> tuple[float, int]:
    begin = time.perf_counter()
    n_bytes = len(dumps(parts))
    return time.perf_counter() - begin, n_bytes
