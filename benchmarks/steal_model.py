"""How well does the steal protocol balance a job over more workers than this machine has?

A discrete-event model of one job, in whole nanoseconds. Each worker owns a contiguous run of chunks and takes from its front; who
has none left looks at the runs of all, from one drawn by lot on, and steals the back half of the first that is not empty. The
caller starts alone on a parked pool; whoever joins first wakes up to two sleepers, so that waking is a tree.

What the model leaves out: caches that steals make cold, memory bandwidth, preemption. What it keeps: one word serves one owner or
thief at a time, and every look at another's word is paid in full.

``python -m benchmarks.steal_model`` prints the efficiency per cost profile and number of workers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count, pairwise
from random import Random

WORKERS = (1, 2, 4, 16, 64, 256, 1024)

# The ideal makespan of a job in microseconds, and its chunks per worker: what parallel_for makes of a body that it knows
# nothing of, and chunks of 20 microseconds, which is what chunked_map aims at.
JOBS = ((1_000, 32), (10_000, 32), (10_000, 500))


@dataclass(frozen=True)
class Costs:
    """What the steps of the protocol cost, in nanoseconds; ``bench_protocol`` measures them."""

    take: int = 10  # a chunk from the front of one's own run
    steal: int = 150  # one look at another's run, and half of it if there is any
    unpark: int = 5_000  # for the waker, per sleeper
    wake: int = 40_000  # from the end of the waker's call until the sleeper looks for work


@dataclass(frozen=True)
class Outcome:
    """How a job went: when its last chunk ended, how often each chunk was run, and how often each worker stole."""

    makespan: int
    ideal: float  # what all workers together would need if chunks could be cut at will
    times_run: list[int]
    steals: list[int]

    @property
    def efficiency(self) -> float:
        """The share of the workers' time, from the call to its end, that went into chunks."""
        return self.ideal / self.makespan


class Runs:
    """Every worker's run of chunks, a word each, and the moment at which the word is free again."""

    def __init__(self, n_chunks: int, n_workers: int) -> None:
        bounds = [n_chunks * worker // n_workers for worker in range(n_workers + 1)]
        self.words = list(pairwise(bounds))
        self.free_at = [0] * n_workers
        self._loaded = sum(1 << worker for worker in range(n_workers) if self.length(worker))

    def length(self, worker: int) -> int:
        """Return how many chunks the worker owns."""
        start, stop = self.words[worker]
        return stop - start

    def take(self, worker: int) -> int:
        """Take the first chunk of a run that is not empty."""
        start, stop = self.words[worker]
        self._store(worker, start + 1, stop)
        return start

    def steal(self, thief: int, victim: int) -> None:
        """Move the back half of the victim's run, the larger half of an odd one, to the thief's empty run."""
        start, stop = self.words[victim]
        middle = start + (stop - start) // 2
        self._store(victim, start, middle)
        self._store(thief, middle, stop)

    def victim_from(self, first: int) -> tuple[int, int] | None:
        """Return the first worker, counted on from one, that has chunks, and how many empty runs stand before it."""
        if ahead := self._loaded >> first:
            distance = _lowest_bit(ahead)
            return first + distance, distance
        if self._loaded:
            victim = _lowest_bit(self._loaded)
            return victim, len(self.words) - first + victim
        return None

    def _store(self, worker: int, start: int, stop: int) -> None:
        self.words[worker] = start, stop
        if start < stop:
            self._loaded |= 1 << worker
        else:
            self._loaded &= ~(1 << worker)


class Simulation:
    """The events of one job in the order of time: each is a worker that joins, or is about to touch one word."""

    def __init__(self, chunks: Sequence[int], n_workers: int, costs: Costs) -> None:
        self.chunks, self.costs = chunks, costs
        self.runs = Runs(len(chunks), n_workers)
        self.sleepers = list(range(n_workers - 1, 0, -1))
        self.times_run = [0] * len(chunks)
        self.steals = [0] * n_workers
        self.makespan = 0
        self._lot = Random(0)
        self._order = count()  # first come, first served among the events of one moment
        self._events: list[tuple[int, int, Callable[[int], None]]] = []

    def run(self) -> None:
        """Let the caller begin, and go on until nobody finds a chunk."""
        self._join(0, now=0)
        while self._events:
            now, _, event = heappop(self._events)
            event(now)

    def _at(self, time: int, event: Callable[[int], None]) -> None:
        heappush(self._events, (time, next(self._order), event))

    def _join(self, worker: int, now: int) -> None:
        for sleeper in [self.sleepers.pop() for _ in self.sleepers[-2:]]:
            now += self.costs.unpark
            self._at(now + self.costs.wake, partial(self._join, sleeper))
        self._at(now, partial(self._next_chunk, worker))

    def _next_chunk(self, worker: int, now: int) -> None:
        if self.runs.length(worker) == 0:
            self._look_around(worker, now)
        elif self.runs.free_at[worker] > now:
            self._at(self.runs.free_at[worker], partial(self._next_chunk, worker))
        else:
            self._run_chunk(worker, now)

    def _run_chunk(self, worker: int, now: int) -> None:
        chunk = self.runs.take(worker)
        self.times_run[chunk] += 1
        self.runs.free_at[worker] = now + self.costs.take
        end = now + self.costs.take + self.chunks[chunk]
        self.makespan = max(self.makespan, end)
        self._at(end, partial(self._next_chunk, worker))

    def _look_around(self, thief: int, now: int) -> None:
        n_workers = len(self.runs.words)
        first = self._lot.randrange(n_workers)
        found = self.runs.victim_from(first)
        if found is not None:
            victim, n_empty = found
            passes_itself = (thief - first) % n_workers < n_empty  # which costs nothing
            self._at(now + (n_empty - passes_itself) * self.costs.steal, partial(self._steal, thief, victim))

    def _steal(self, thief: int, victim: int, now: int) -> None:
        if self.runs.free_at[victim] > now:
            self._at(self.runs.free_at[victim], partial(self._steal, thief, victim))
            return
        end = now + self.costs.steal
        if self.runs.length(victim) > 0:
            self.runs.steal(thief, victim)
            self.runs.free_at[victim] = self.runs.free_at[thief] = end
            self.steals[thief] += 1
        self._at(end, partial(self._next_chunk, thief))


def _lowest_bit(word: int) -> int:
    return (word & -word).bit_length() - 1


def simulate(chunks: Sequence[int], n_workers: int, costs: Costs | None = None) -> Outcome:
    """Run one job on a parked pool of ``n_workers``, the caller included; ``chunks`` are their costs in nanoseconds."""
    simulation = Simulation(chunks, n_workers, costs or Costs())
    simulation.run()
    return Outcome(simulation.makespan, sum(chunks) / n_workers, simulation.times_run, simulation.steals)


def uniform(x: float) -> float:
    """Every item costs the same."""
    return x


def front_loaded(x: float) -> float:
    """An item of the first twentieth costs a hundred times one of the rest."""
    return (x + 99 * min(x, 0.05)) / 5.95


def one_long(x: float) -> float:
    """A single item, in the middle, costs a two-thousandth of the whole range."""
    return (x * 1999 + (x > 0.5)) / 2000


def growing(x: float) -> float:
    """The cost of an item is in proportion to its index."""
    return x * x


# A profile is the share of a job's cost that lies in the first share x of its range.
Profile = Callable[[float], float]
PROFILES: tuple[Profile, ...] = (uniform, front_loaded, one_long, growing)


def cut(profile: Profile, n_chunks: int, total: int) -> list[int]:
    """Return the costs of ``n_chunks`` chunks of equally many items, ``total`` nanoseconds together."""
    bounds = [round(total * profile(chunk / n_chunks)) for chunk in range(n_chunks + 1)]
    return [stop - start for start, stop in pairwise(bounds)]


def efficiency(profile: Profile, n_workers: int, microseconds: int, chunks_per_worker: int, costs: Costs) -> float:
    """Return the efficiency of a job of ``microseconds`` per worker."""
    chunks = cut(profile, n_workers * chunks_per_worker, n_workers * microseconds * 1_000)
    return simulate(chunks, n_workers, costs).efficiency


def table(costs: Costs) -> list[list[str]]:
    """Return the efficiencies: a row per profile and job, a column per number of workers."""
    return [
        [profile.__name__.replace("_", " "), f"{job[0] / 1000:g} ms / {job[1]}"]
        + [f"{efficiency(profile, n_workers, *job, costs):.2f}" for n_workers in WORKERS]
        for profile in PROFILES
        for job in JOBS
    ]


def main() -> None:
    """Print the table for the default costs."""
    print("profile".ljust(13), "ideal / chunks".rjust(14), *(str(n).rjust(6) for n in WORKERS))
    for name, job, *cells in table(Costs()):
        print(name.ljust(13), job.rjust(14), *(cell.rjust(6) for cell in cells))


if __name__ == "__main__":
    main()
