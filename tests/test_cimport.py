"""``from lightwork cimport parallel_for`` in an extension that was built outside this tree."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import lightwork

MOST = 2**63 - 1  # items that can be counted

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


@pytest.mark.parametrize("grain", [0, 1, MOST])
@pytest.mark.parametrize("n_workers", [0, 1, 2, 7])
def test_nothing_to_do_is_not_done(outside: ModuleType, grain: int, n_workers: int) -> None:
    """For no items the body is not called, however they are to be cut and shared."""
    values, _, n_chunks, code = outside.squares(0, grain, n_workers)
    assert (values.size, n_chunks, code) == (0, 0, 0)


@pytest.mark.parametrize("n_workers", [1, 2])
@pytest.mark.parametrize(("n_items", "grain"), [(2**62, 1), (2**62, 3), (2**63 - 1, 1), (MOST, 2**33 + 1), (MOST, 2**61), (MOST, MOST // 2)])
def test_any_number_of_items_is_cut_up(outside: ModuleType, n_items: int, grain: int, n_workers: int) -> None:
    """As many as can be counted: the grain grows until the chunks can be, and each worker begins where its share does."""
    answer, begun, bounds = outside.failure(n_items, grain, n_workers=n_workers)
    assert (answer, begun) == (7, n_workers)
    size = bounds[0][1]
    n_all = -(-n_items // size)
    assert size >= grain and size % grain == 0 and n_all < 2**32
    assert bounds == [[n_all * seat // n_workers * size, n_all * seat // n_workers * size + size] for seat in range(n_workers)]


def test_the_last_chunk_ends_with_the_items(outside: ModuleType) -> None:
    """It is as long as what is left, though a whole one would end beyond what can be counted."""
    assert outside.failure(MOST, MOST) == (7, 1, [[0, MOST]])
    assert outside.failure(MOST, MOST - 1, failing=MOST - 1) == (7, 2, [[MOST - 1, MOST]])


@pytest.mark.parametrize("code", [7, 2**31 - 1])
def test_the_first_failing_chunk_answers(outside: ModuleType, code: int) -> None:
    """Of two chunks that fail at once it is the first by index whose code comes back."""
    assert [outside.failure(2, code=code, n_workers=2)[0] for _ in range(100)] == [code] * 100


@pytest.mark.parametrize("code", [-1, -7, -(2**31)])
@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_negative_code_is_an_error_too(outside: ModuleType, code: int, n_workers: int) -> None:
    """It stops the job and is the first by index like any other; the answer is positive, for a negative one means an exception."""
    assert outside.failure(100, failing=0, code=code, n_workers=n_workers)[:2] == (1, n_workers)


@pytest.mark.parametrize("code", [7, -7])
def test_no_chunk_starts_after_a_failure(outside: ModuleType, code: int) -> None:
    """One worker that fails in the fourth of a hundred chunks has begun four."""
    assert outside.failure(100, failing=3, code=code)[:2] == (max(1, code), 4)


@pytest.mark.parametrize("arguments", [(-1, 1, 1), (1, -1, 1), (1, 1, -1)])
def test_negative_arguments_are_refused(outside: ModuleType, arguments: tuple[int, int, int]) -> None:
    """A negative number of items, grain or number of workers is an error that names them."""
    n_items, grain, n_workers = arguments
    with pytest.raises(ValueError, match="n_items, grain and n_workers must not be negative"):
        outside.failure(n_items, grain, n_workers=n_workers)


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
