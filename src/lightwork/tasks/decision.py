"""Who is to run the items of a call, decided by figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from lightwork.tasks.probe import Cost
from lightwork.tasks.selection import MARGIN, about_cpu, about_overlap, about_pickles, in_words, seconds_by_processes, seconds_by_threads

__all__ = ["START_SECONDS", "TOO_LITTLE", "Choice", "Decision", "Estimate", "Outlook", "decide"]

Choice = Literal["serial", "thread", "process"]

# Guesses, each measured to be on the safe side.
TOO_LITTLE = 1e-3  # seconds of work that nobody need share
THREAD_SECONDS = 200e-6  # until threads have begun
SWITCH_SECONDS = 20e-6  # that an item costs which lets go of the GIL when others want it, too
WARM_SECONDS = 5e-3  # until a process has begun that is there already
START_SECONDS = 0.6  # until one has that is not
JOURNEY_SECONDS = 10e-6  # of an item to a process and back, beside its pickles
BYTE_SECONDS = 1e-9  # of each byte of these, through pipes and loaded again
MANY = 1_000_000  # items of a source that does not tell how many it has


class Outlook(NamedTuple):
    """
    What is known of a run besides the cost of an item.

    Attributes
    ----------
    n_items : int or None
        How many are left; None if nobody knows.
    n_threads, n_processes : int
        How many workers there would be.
    n_warm : int
        How many of these processes there are already.
    n_cpus : int
    has_gil : bool
    """

    n_items: int | None
    n_threads: int
    n_processes: int
    n_warm: int
    n_cpus: int
    has_gil: bool = True

    @property
    def start_seconds(self) -> float:
        """Seconds until processes have begun."""
        return WARM_SECONDS if self.n_warm >= self.n_processes else START_SECONDS


class Estimate(NamedTuple):
    """Seconds that what is left would take; None where that way is closed."""

    serial: float
    thread: float | None
    process: float | None


@dataclass(frozen=True)
class Decision:
    """
    Who runs the items of a call with ``executor="auto"``, and why.

    Attributes
    ----------
    choice : {"serial", "thread", "process"}
    reason : str
        In words.
    cost : Cost or None
        What was measured of an item; None if nothing was.
    estimate : Estimate or None
        What that was expected to come to.
    """

    choice: Choice
    reason: str
    cost: Cost | None = None
    estimate: Estimate | None = None

    def __str__(self) -> str:
        return "\n  ".join([f"{self.choice}: {self.reason}", *self._figures()])

    def _figures(self) -> list[str]:
        if self.cost is None or self.estimate is None:
            return []
        ways = [f"{in_words(seconds)} by {way}" for way, seconds in self.estimate._asdict().items() if seconds is not None]
        figures = [about_cpu(self.cost), about_overlap(self.cost)]
        if self.cost.pickle_seconds is not None:
            figures.append(about_pickles(self.cost, self.cost.pickle_seconds))
        return [*figures, f"what is left would take {', '.join(ways)}"]


def decide(cost: Cost, outlook: Outlook) -> Decision:
    """
    Choose who runs the items that are left.

    Another than the calling thread has to be faster by a quarter, and processes by a quarter than threads.
    """
    estimate = _estimate(cost, outlook)
    choice: Choice = "serial"
    best = estimate.serial
    if estimate.serial >= TOO_LITTLE and estimate.thread is not None and estimate.thread * MARGIN < best:
        choice, best = "thread", estimate.thread
    if estimate.serial >= TOO_LITTLE and estimate.process is not None and estimate.process * MARGIN < best:
        choice = "process"
    return Decision(choice, _reason(choice, cost, outlook, estimate), cost, estimate)


def _estimate(cost: Cost, outlook: Outlook) -> Estimate:
    n_items = MANY if outlook.n_items is None else outlook.n_items
    serial = n_items * (cost.cpu_seconds / cost.cpus + cost.wait_seconds)
    return Estimate(serial, _by_threads(cost, outlook, n_items), _by_processes(cost, outlook, n_items))


def _by_threads(cost: Cost, outlook: Outlook, n_items: int) -> float | None:
    if outlook.n_threads == 1:
        return None
    n_threads = min(outlook.n_threads, n_items) or 1
    switch = SWITCH_SECONDS if outlook.has_gil else 0.0
    return THREAD_SECONDS + _in_rounds(n_items, n_threads) * (seconds_by_threads(cost, min(outlook.n_cpus, n_threads), n_threads) + switch)


def _by_processes(cost: Cost, outlook: Outlook, n_items: int) -> float | None:
    if not outlook.has_gil or cost.pickle_seconds is None or min(outlook.n_processes, outlook.n_cpus) == 1:
        return None
    n_processes = min(outlook.n_processes, outlook.n_cpus, n_items) or 1
    journey = cost.pickle_seconds + JOURNEY_SECONDS + cost.pickled_bytes * BYTE_SECONDS
    return outlook.start_seconds + _in_rounds(n_items, n_processes) * seconds_by_processes(cost, journey, n_processes)


def _in_rounds(n_items: int, n_workers: int) -> int:
    """Return how many items would take as long, if in the last round, too, each worker had one."""
    return math.ceil(n_items / n_workers) * n_workers


def _reason(choice: Choice, cost: Cost, outlook: Outlook, estimate: Estimate) -> str:
    if choice == "process":
        return "the items hold the GIL, and are worth the journey"
    if choice == "thread":
        return "the items wait" if cost.wait_seconds > cost.cpu_seconds else "the items run side by side in threads"
    if estimate.serial < TOO_LITTLE:
        return "what is left takes less than sharing it would"
    if cost.obstacle is not None:
        return f"the items keep each other from running in threads, and processes get everything pickled, but {cost.obstacle}"
    if outlook.has_gil and estimate.process is not None and estimate.process > estimate.serial:
        return "threads would gain nothing, and processes would begin too late"
    return "nobody else would be faster"
