"""What a pool tells of itself."""

import dataclasses
import threading
from functools import partial
from operator import attrgetter

import numpy as np
import pytest
from threads import together

import lightwork as lw


def half(chunk: np.ndarray) -> np.ndarray:
    """Do something."""
    return chunk / 2


def test_a_snapshot_is_frozen() -> None:
    """Neither the pool's nor a worker's numbers can be changed."""
    statistics = lw.statistics()
    with pytest.raises(dataclasses.FrozenInstanceError):
        statistics.n_threads = 7  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        statistics.workers[0].chunks = 7  # type: ignore[misc]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_every_chunk_is_counted_once(workers: int) -> None:
    """After a call the workers' chunks have grown by the chunks of the call, and worker 0's jobs by one."""
    before = lw.statistics()
    lw.chunked_map(half, np.arange(1000.0), chunk_size=7, workers=workers)
    after = lw.statistics()
    assert after.chunks - before.chunks == 143
    assert after.workers[0].jobs - before.workers[0].jobs == 1


def test_calls_at_once_are_all_counted() -> None:
    """Nothing is lost where many threads count in worker 0's name."""
    before = lw.statistics()
    together([partial(lw.chunked_map, half, np.arange(1000.0), chunk_size=10, workers=2)] * 16)
    after = lw.statistics()
    assert after.chunks - before.chunks == 1600
    assert after.workers[0].jobs - before.workers[0].jobs == 16


def test_the_sums_are_sums() -> None:
    """The pool's numbers are its workers' added up, and the workers are numbered; some may be ending just now."""
    statistics = lw.statistics()
    for name in ("chunks", "stolen", "tasks"):
        assert getattr(statistics, name) == sum(map(attrgetter(name), statistics.workers))
    numbers = [worker.index for worker in statistics.workers]
    assert numbers == sorted({*numbers})
    assert numbers[0] == 0


def test_nothing_ever_runs_backwards() -> None:
    """While others work, each snapshot has at least what the one before had."""
    is_over = threading.Event()

    def work() -> None:
        for _ in range(50):
            lw.chunked_map(half, np.arange(1000.0), chunk_size=10, workers=3)
        is_over.set()

    def watch() -> bool:
        seen = lw.statistics()
        while not is_over.is_set():
            before, seen = seen, lw.statistics()
            for old, new in zip(before.workers, seen.workers, strict=False):
                if any(was > now for was, now in zip(dataclasses.astuple(old), dataclasses.astuple(new), strict=True)):
                    return False
        return True

    assert together([work, watch])[1]


def test_time_is_counted_where_work_is() -> None:
    """Whoever ran chunks was busy, and whoever slept was idle."""
    lw.chunked_map(half, np.arange(1000.0), chunk_size=1, workers=2)
    for worker in lw.statistics().workers:
        assert worker.busy_seconds > 0 or worker.chunks == worker.tasks == 0
        assert worker.idle_seconds > 0 or worker.wakeups == 0
        assert worker.wakeups <= worker.parks


def test_n_workers_is_what_a_call_would_get() -> None:
    """The configured number, or the budget."""
    with lw.configure(workers=5):
        assert lw.statistics().n_workers == 5
    assert lw.statistics().n_workers == lw.cpu_budget()
