"""Many callers at once: whatever they do to one another, each gets NumPy's bits, in the end and in good time."""

import gc
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from threads import together

import lightwork as lw

pytestmark = pytest.mark.usefixtures("eager_switching")

Array = npt.NDArray[Any]

N_CALLERS = 32
SECONDS = 60  # longer than anything here takes; a wait that long is a hang
X = np.linspace(0.1, 7.0, 40_000)


def ufunc(rng: np.random.Generator) -> None:
    """Map a ufunc of one, at any cut."""
    function = (np.exp, np.sqrt, np.sin)[rng.integers(3)]
    x = X[: rng.integers(X.size)]
    np.testing.assert_array_equal(lw.chunked_map(function, x, workers=cut(rng), chunk_size=int(rng.integers(500, 9000))), function(x))


def two_operands(rng: np.random.Generator) -> None:
    """Map a ufunc of two, that casts and broadcasts, into an array of the caller's."""
    rows, column = X.reshape(200, 200).astype(np.float32), np.arange(200)[:, np.newaxis]
    out = np.full(rows.shape, np.nan)
    assert lw.chunked_map(np.multiply, rows, column, out=out, workers=cut(rng)) is out
    np.testing.assert_array_equal(out, np.multiply(rows, column))


def python(rng: np.random.Generator) -> None:
    """Map a Python callable."""
    result = lw.chunked_map(lambda chunk: chunk * 3, X[:1000], workers=cut(rng), chunk_size=int(rng.integers(1, 200)))
    np.testing.assert_array_equal(result, X[:1000] * 3)


def failing(rng: np.random.Generator) -> None:
    """Map a callable that fails somewhere."""
    bad = int(rng.integers(1000))

    def fail(chunk: Array) -> Array:
        if bad in chunk:
            raise LookupError(bad)
        return chunk

    with pytest.raises(LookupError, match=rf"\b{bad}\b"):
        lw.chunked_map(fail, np.arange(1000), workers=cut(rng), chunk_size=50)


def nested(rng: np.random.Generator) -> None:
    """Map within a map."""
    workers = cut(rng)
    result = lw.chunked_map(lambda rows: lw.chunked_map(np.exp, rows, workers=workers), X.reshape(8, -1), chunk_size=1, workers=workers)
    np.testing.assert_array_equal(result, np.exp(X.reshape(8, -1)))


def collecting(_: np.random.Generator) -> None:
    """Collect garbage."""
    gc.collect(0)


def submitting(rng: np.random.Generator) -> None:
    """Have a call made by a pool of one's own."""
    with lw.Pool(2) as pool:
        assert pool.submit(ufunc, rng).result(SECONDS) is None


def watching(_: np.random.Generator) -> None:
    """Look at the statistics."""
    assert lw.statistics().chunks >= 0


def cut(rng: np.random.Generator) -> int:
    """Choose a number of workers."""
    return int(rng.choice([1, 2, 3, 7]))


MIXED = (ufunc, ufunc, two_operands, python, failing, nested, collecting, submitting, watching)


@pytest.mark.slow
def test_thirty_two_callers(race_seconds: float) -> None:
    """Thirty-two threads do all kinds of things for a while, and every result is NumPy's to the bit."""
    end = time.monotonic() + race_seconds

    def call(seed: int) -> int:
        rng = np.random.default_rng(seed)
        kinds = rng.permutation(len(MIXED)).tolist()
        MIXED[kinds[0]](rng)  # once at least, however long the machine takes
        while time.monotonic() < end:
            MIXED[rng.integers(len(MIXED))](rng)
        return int(kinds[0])

    assert set(together(partial(call, seed) for seed in range(N_CALLERS))) == set(range(len(MIXED)))


# --- Nested ---------------------------------------------------------------------------------------------------------


def tree(depth: int, x: Array, workers: int) -> Array:
    """Map level within level, down to a ufunc."""
    if depth == 0:
        return np.asarray(lw.chunked_map(np.exp, x, workers=workers, chunk_size=16))
    down: Callable[[Array], Array] = partial(tree, depth - 1, workers=workers)
    return np.asarray(lw.chunked_map(down, x, workers=workers, chunk_size=max(1, x.size // 5)))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_three_levels_deep(workers: int) -> None:
    """Calls in chunks of calls in chunks of calls end, on however few workers."""
    x = X[:2000]
    for _ in range(20):
        np.testing.assert_array_equal(tree(3, x, workers), np.exp(x))


@pytest.mark.parametrize("workers", [1, 2])
def test_three_levels_deep_from_many_threads(workers: int) -> None:
    """The same from eight threads at once, which share the workers."""
    x = X[:2000]
    for result in together([partial(tree, 3, x, workers)] * 8):
        np.testing.assert_array_equal(result, np.exp(x))


def test_three_levels_deep_in_a_pool() -> None:
    """The same in the workers of a pool of one's own."""
    x = X[:2000]
    for max_workers in (1, 2):
        with lw.Pool(max_workers) as pool:
            for handle in [pool.submit(tree, 3, x, 2) for _ in range(8)]:
                np.testing.assert_array_equal(handle.result(SECONDS), np.exp(x))


def test_an_error_comes_up_from_the_deepest_level() -> None:
    """It stops every level on its way, and is told as what it is, never as the stop that it caused."""

    def fail(depth: int, x: Array) -> Array:
        if depth == 0:
            raise LookupError("deep down")
        return np.asarray(lw.chunked_map(partial(fail, depth - 1), x, workers=2, chunk_size=max(1, x.size // 4)))

    for _ in range(50):
        with pytest.raises(LookupError, match="deep down"):
            fail(3, np.arange(64))


# --- Everybody comes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_every_worker_comes(workers: int) -> None:
    """Chunks that wait for one another are run, as many as there are workers, whether these slept or not."""
    out = np.zeros(workers)
    for _ in range(200):
        barrier = threading.Barrier(workers)

        def meet(chunk: Array, out: Array, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(SECONDS)
            out[:] = chunk

        lw.chunked_map(meet, np.ones(workers), out=out, chunk_size=1, workers=workers)
    np.testing.assert_array_equal(out, np.ones(workers))


def test_more_jobs_at_once_than_the_board_holds() -> None:
    """A hundred callers, all in the middle of a call at the same moment, all come to their end."""
    n_callers = 100
    everybody = threading.Barrier(n_callers)

    def meet(chunk: Array) -> Array:
        if chunk[0] == 0:
            everybody.wait(SECONDS)
        return chunk + 1

    for result in together([partial(lw.chunked_map, meet, np.arange(50), chunk_size=1, workers=2)] * n_callers):
        np.testing.assert_array_equal(result, np.arange(50) + 1)


# --- Errors ---------------------------------------------------------------------------------------------------------


def test_the_first_error_by_chunk_is_raised() -> None:
    """Of all chunks that failed it is the lowest, whichever failed first, and no chunk starts after that."""
    for _ in range(200):
        failed: list[int] = []
        barrier = threading.Barrier(3)

        def fail(chunk: Array, failed: list[int] = failed, barrier: threading.Barrier = barrier) -> Array:
            barrier.wait(SECONDS)
            failed.append(int(chunk[0]))
            raise LookupError(int(chunk[0]))

        with pytest.raises(LookupError) as caught:
            lw.chunked_map(fail, np.arange(3), chunk_size=1, workers=3)
        assert caught.value.args == (min(failed),)
        assert caught.value.__notes__ == [f"in chunk [{min(failed)}, {min(failed) + 1}) of axis 0"]


def test_after_an_error_no_chunk_starts() -> None:
    """Chunks that are running when one fails are the last."""
    started: list[int] = []

    def fail(chunk: Array) -> Array:
        started.append(int(chunk[0]))
        raise LookupError

    with pytest.raises(LookupError):
        lw.chunked_map(fail, np.arange(10_000), chunk_size=1, workers=3)
    assert 1 <= len(started) <= 3


# --- The garbage collector ------------------------------------------------------------------------------------------


def test_garbage_is_collected_inside_chunks() -> None:
    """A collection stops the world, workers in their chunks included, and lets it go on."""

    def collect(chunk: Array) -> Array:
        cycle: list[Any] = []
        cycle.append(cycle)
        gc.collect()
        return chunk

    np.testing.assert_array_equal(lw.chunked_map(collect, X[:100], chunk_size=1, workers=3), X[:100])


def test_garbage_is_collected_while_workers_sleep() -> None:
    """Idle workers need not be asked: the world stops without them."""
    lw.chunked_map(np.exp, X, workers=7, chunk_size=100)
    for _ in range(20):
        gc.collect()
        lw.chunked_map(np.exp, X, workers=7, chunk_size=100)


def test_garbage_is_collected_while_kernels_run(race_seconds: float) -> None:
    """Workers without the GIL are not waited for either, and come to no harm."""
    gc.collect()
    gc.freeze()  # what the other tests left would take all the time
    is_over = threading.Event()
    end = time.monotonic() + race_seconds  # where each collection stops all threads, calls are slow

    def collect() -> None:
        while not is_over.is_set():
            gc.collect()

    def work() -> None:
        for n_calls in range(100):
            if n_calls >= 5 and time.monotonic() > end:
                break
            np.testing.assert_array_equal(lw.chunked_map(np.exp, X, workers=3, chunk_size=500), np.exp(X))
        is_over.set()

    together([collect, work, work])


# --- One array ------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared() -> Array:
    """An array that many callers write to, each in its own part."""
    return np.zeros((N_CALLERS, 1000))


def test_many_callers_write_to_one_array(shared: Array) -> None:
    """Calls on disjoint parts of one array leave each other's alone."""
    together(partial(lw.chunked_map, np.add, row, number, out=row, workers=2, chunk_size=64) for number, row in enumerate(shared))
    np.testing.assert_array_equal(shared, np.broadcast_to(np.arange(N_CALLERS)[:, np.newaxis], shared.shape))
