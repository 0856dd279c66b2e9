"""Threads or processes: by a word for the work, or by measuring it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from lightwork._cpus import cpu_budget
from lightwork.policies.checks import checked_count, checked_seconds, is_async
from lightwork.tasks.probe import Cost, probe

__all__ = [
    "MARGIN",
    "ProcessDecision",
    "about_cpu",
    "about_overlap",
    "about_pickles",
    "in_words",
    "seconds_by_processes",
    "seconds_by_threads",
    "should_use_processes",
]

T = TypeVar("T")

WORDS = {"cpu": True, "cpu-bound": True, "compute": True, "io": False, "io-bound": False, "i/o": False, "mixed": False}

N_SAMPLE = 16  # items that are tried, at most
OWN_THREADS = 1.3  # CPUs that a call uses, from which on it must have threads of its own; less is noise
MARGIN = 1.25  # how much faster processes have to be: they cost memory, too, and are harder to debug
START_SECONDS = 0.4  # until a new interpreter has imported NumPy and this package, as timed on a busy machine


@dataclass(frozen=True)
class ProcessDecision:
    """
    Whether to use processes, and why; true if so.

    Attributes
    ----------
    use_processes : bool
    reasons : tuple of str
        In words, with the numbers that decided.
    cost : Cost
        What was measured.
    """

    use_processes: bool
    reasons: tuple[str, ...]
    cost: Cost

    def __bool__(self) -> bool:
        return self.use_processes

    def __str__(self) -> str:
        return "\n  ".join(["use processes" if self else "use threads", *self.reasons])

    def __repr__(self) -> str:
        return str(self)


@overload
def should_use_processes(work: str, sample: None = None) -> bool: ...
@overload
def should_use_processes(work: Callable[[T], Any], sample: Iterable[T], *, n_items: int | None = None, seconds: float = 0.3) -> ProcessDecision: ...
def should_use_processes(
    work: str | Callable[[Any], Any], sample: Iterable[Any] | None = None, *, n_items: int | None = None, seconds: float = 0.3
) -> bool | ProcessDecision:
    """
    Tell whether work is better done by processes than by threads.

    Parameters
    ----------
    work : str or callable
        One of the words ``"cpu"``, ``"cpu-bound"``, ``"compute"`` (processes) and ``"io"``, ``"io-bound"``, ``"i/o"``, ``"mixed"`` (threads),
        in upper or lower case; or a function, which is tried.
    sample : iterable, optional
        For a function: some items as it will get them. The first sixteen are used; an iterator loses them.
    n_items : int, optional
        How many there will be. Few do not make up for the start of a process; many are assumed where nothing is said.
    seconds : float, default 0.3
        How long to measure, beyond a few calls for each item.

    Returns
    -------
    bool or ProcessDecision
        Of a function, a decision that is true or false, and whose repr gives the reasons.

    Raises
    ------
    ValueError
        If the word is not one of these, or the sample is empty.
    Exception
        Whatever the function raises.

    Notes
    -----
    A function is called several times with each item, in two threads at once, so it should stand that, and have no effects
    that matter. Measured are the time and the CPU time of a call; how much faster two threads are than one, compared to two threads
    that need no GIL; and the time to pickle an item and its result. From these the times of an item by threads and by
    processes, on as many CPUs as :func:`cpu_budget` says, are estimated and compared. On free-threaded Python that favours threads.

    Examples
    --------
    >>> import lightwork as lw
    >>> lw.should_use_processes("cpu"), lw.should_use_processes("io")
    (True, False)
    """
    if isinstance(work, str):
        return _by_word(work)
    if not callable(work):
        raise TypeError(f"work must be a word or a function, not {type(work).__name__}")
    if sample is None:
        raise TypeError("a function is tried on items: pass some as sample")
    if is_async(work):
        raise TypeError(f"{work!r} is an async function, which belongs to an event loop; there is async_parallel_map")
    checked_seconds("seconds", seconds)
    if n_items is not None:
        n_items = checked_count("n_items", n_items, "or None where that is not known")
    items = list(itertools.islice(sample, N_SAMPLE))
    if not items:
        raise ValueError("the sample has no items; pass at least one")
    return _by_cost(probe(work, items, seconds), n_items)


def _by_word(word: str) -> bool:
    try:
        return WORDS[word.lower()]
    except KeyError:
        raise ValueError(f"work must be a function or one of {', '.join(map(repr, WORDS))}, not {word!r}") from None


def _by_cost(cost: Cost, n_items: int | None) -> ProcessDecision:
    n_cpus = cpu_budget()
    reasons = [about_cpu(cost), about_overlap(cost)]
    if n_cpus == 1:
        return ProcessDecision(False, (*reasons, "there is one CPU, which processes would share as threads do"), cost)
    if cost.pickle_seconds is None:
        return ProcessDecision(False, (*reasons, f"processes get everything pickled, and {cost.obstacle}"), cost)
    by_threads, by_processes = seconds_by_threads(cost, n_cpus, min(32, n_cpus + 4)), seconds_by_processes(cost, cost.pickle_seconds, n_cpus)
    reasons += [about_pickles(cost, cost.pickle_seconds)]
    reasons += [f"an item would take {in_words(by_threads)} by threads, {in_words(by_processes)} by processes"]
    is_faster = by_threads > MARGIN * by_processes
    if is_faster and n_items is not None and n_items * (by_threads - by_processes) < START_SECONDS:
        return ProcessDecision(False, (*reasons, f"{n_items} items do not make up for the start of a process"), cost)
    return ProcessDecision(is_faster, tuple(reasons), cost)


def seconds_by_threads(cost: Cost, n_cpus: int, n_threads: int) -> float:
    """Return the time of an item when many are run: what does not overlap goes one by one, CPU on all CPUs, waiting in all threads."""
    one_by_one = cost.cpu_seconds / cost.cpus * (1 - cost.overlap)
    return max(one_by_one, cost.cpu_seconds / n_cpus, (cost.cpu_seconds / cost.cpus + cost.wait_seconds) / n_threads)


def seconds_by_processes(cost: Cost, pickle_seconds: float, n_cpus: int) -> float:
    """Return the same for one process for each CPU; what is pickled on one side is loaded on the other, and one side is the caller alone."""
    return max((cost.cpu_seconds + cost.wait_seconds + pickle_seconds) / n_cpus, pickle_seconds)


def about_cpu(cost: Cost) -> str:
    """Say what a call costs."""
    cpus = f" on {cost.cpus:.1f} CPUs" if cost.cpus > OWN_THREADS else ""
    return f"a call computes for {in_words(cost.cpu_seconds)}{cpus} and waits for {in_words(cost.wait_seconds)}"


def about_overlap(cost: Cost) -> str:
    """Say how far calls run side by side."""
    return f"of two threads' calls {cost.overlap:.0%} run side by side; the rest is kept apart by the GIL or by a lock"


def about_pickles(cost: Cost, seconds: float) -> str:
    """Say what pickling costs."""
    return f"an item and its result are pickled in {in_words(seconds)}, to {cost.pickled_bytes} bytes"


def in_words(seconds: float) -> str:
    """Return seconds with three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
