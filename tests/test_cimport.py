"""``from lightwork cimport parallel_for`` in an extension that was built outside this tree."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import lightwork

PROBE = Path(__file__).parent / "probes" / "outside.pyx"


@pytest.fixture(scope="module")
def outside(build_extension: Callable[[Path], ModuleType]) -> ModuleType:
    """The outsider, compiled and imported."""
    return build_extension(PROBE)


@pytest.mark.parametrize("n_workers", [0, 1, 2, 7])
@pytest.mark.parametrize("n", [0, 1, 1000, 100_003])
def test_every_item_is_run_once(outside: ModuleType, n: int, n_workers: int) -> None:
    """A body of one's own sees every item of the range, whatever the number of workers."""
    values, workers, _, code = outside.squares(n, 7, n_workers)
    np.testing.assert_array_equal(values, np.arange(n) ** 2)
    assert code == 0
    assert set(workers) <= set(range(n_workers or lightwork.cpu_budget()))


def test_grain_is_the_size_of_a_chunk(outside: ModuleType) -> None:
    """A thousand items in chunks of seven are 143 chunks."""
    assert outside.squares(1000, 7)[2] == 143


def test_a_chunk_has_one_worker(outside: ModuleType) -> None:
    """All items of a chunk are run by the worker that the body is told of."""
    workers = outside.squares(10_000, 100, 4)[1].reshape(-1, 100)
    np.testing.assert_array_equal(workers, np.broadcast_to(workers[:, :1], workers.shape))


def test_the_first_failing_chunk_answers(outside: ModuleType) -> None:
    """Of two chunks that fail at once it is the first by index whose code comes back."""
    assert [outside.first_failure() for _ in range(100)] == [1] * 100


def test_no_chunk_starts_after_a_failure(outside: ModuleType) -> None:
    """One worker that fails in the fourth of a hundred chunks has begun four."""
    assert outside.chunks_until_failure(100, 3) == (7, 4)


def test_negative_arguments_are_refused(outside: ModuleType) -> None:
    """A negative number of items is an error that names the arguments."""
    with pytest.raises(ValueError, match="must not be negative"):
        outside.chunks_until_failure(-1, 0)


def test_threads_may_call_at_once(outside: ModuleType) -> None:
    """Eight threads that call in the same moment get their own results."""
    barrier = threading.Barrier(8)
    wrong: list[int] = []

    def call(n: int) -> None:
        barrier.wait()
        expected = np.arange(n) ** 2
        wrong.extend(n for _ in range(100) if not np.array_equal(outside.squares(n, 16, 3)[0], expected))

    threads = [threading.Thread(target=call, args=(1000 + i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
