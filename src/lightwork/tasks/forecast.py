"""What is expected of the items that are left, by what was measured of the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lightwork._cpus import cpu_budget
from lightwork._gil import has_gil
from lightwork.executors.process.backend import is_robust
from lightwork.executors.process.company import kit_for
from lightwork.executors.process.parcels import dumps
from lightwork.executors.process.workshop import WORKSHOP
from lightwork.tasks.calls import n_workers_of
from lightwork.tasks.decision import Decision, Outlook, decide
from lightwork.tasks.options import Options
from lightwork.tasks.probe import Cost, pickle_cost
from lightwork.tasks.sounding import Typical
from lightwork.tasks.travel import can_travel

__all__ = ["TOGETHER", "cost_of", "foretell", "n_missing"]

TOGETHER = 1.5  # calls of two threads at a time, from which on they were side by side
SEEN = 0.5  # of such calls that run side by side: less may be a mistake, or memory that both want
NO_LOKY = "loky is not installed, without which a main program needs a guard (pip install lightwork[process])"

Example = tuple[Callable[[Any], Any], Any, Any]  # a function, an item and its value


def cost_of(alone: Typical, beside: Typical | None, cpus: float) -> Cost:
    """
    Return what an item costs.

    Parameters
    ----------
    alone : Typical
        Of calls one after the other.
    beside : Typical, optional
        Of calls in two threads. As long as nobody has seen that they run side by side, they are taken not to.
    cpus : float
        How many a call uses by itself.
    """
    overlap = 0.0
    if beside is not None and beside.n_at_once >= TOGETHER:
        slowdown = beside.cpu_seconds / alone.cpu_seconds if alone.cpu_seconds else 1.0
        overlap = min(max(beside.n_at_once * (1.0 - beside.wait_share) / max(slowdown, 1.0) - 1.0, 0.0), 1.0)
    return Cost(alone.cpu_seconds * cpus, alone.wait_seconds, cpus, overlap if overlap >= SEEN else 0.0, None, 0)


def foretell(cost: Cost, n_left: int | None, calls: Sequence[Example], options: Options) -> Decision:
    """Decide; pickles and processes are looked at only if these could be the choice."""
    n_threads, n_processes = n_workers_of("thread", options), n_workers_of("process", options)
    outlook = Outlook(n_left, n_threads, n_processes, n_processes, cpu_budget(), has_gil())
    if decide(replace(cost, pickle_seconds=0.0), outlook).choice == "process":
        outlook = outlook._replace(n_warm=n_processes - n_missing(options))
        cost = _with_pickles(cost, calls, is_cold=outlook.n_warm < n_processes)
    return decide(cost, outlook)


def n_missing(options: Options) -> int:
    """Return how many of the processes that would be used are not there yet."""
    n_processes = n_workers_of("process", options)
    return max(n_processes - len(WORKSHOP.living(kit_for(n_processes))), 0)


def _with_pickles(cost: Cost, calls: Sequence[Example], *, is_cold: bool) -> Cost:
    if is_cold and not is_robust():
        return replace(cost, obstacle=NO_LOKY)
    seconds, n_bytes = 0.0, 0
    for call, item, value in calls:
        each, size, obstacle = pickle_cost(call, item, value, travels=can_travel, dumps=dumps)
        if each is None:
            return replace(cost, obstacle=obstacle)
        seconds, n_bytes = seconds + each, n_bytes + size
    return replace(cost, pickle_seconds=seconds, pickled_bytes=n_bytes)
