"""Libraries that take somebody else's executor, on a ``Pool``."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import integrate, optimize

import lightwork as lw

dask = pytest.importorskip("dask")
array = pytest.importorskip("dask.array")
bag = pytest.importorskip("dask.bag")

SECONDS = 60


@pytest.fixture(params=[1, 3])
def pool(request: pytest.FixtureRequest) -> Iterator[lw.Pool]:
    """A pool of one worker, and one of a few."""
    with lw.Pool(request.param) as pool:
        yield pool


def where() -> str:
    """Return the name of the calling thread."""
    return threading.current_thread().name


def hold(started: threading.Event, release: threading.Event) -> bool:
    """Say that the call has begun, and stay in it until it is released."""
    started.set()
    return release.wait(SECONDS)


# --- asyncio --------------------------------------------------------------------------------------------------------


def test_asyncio_runs_calls_in_it(pool: lw.Pool) -> None:
    """``run_in_executor``, many at a time."""

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, pow, 2, n) for n in range(50)))

    assert asyncio.run(main()) == [2**n for n in range(50)]


def test_asyncio_takes_it_for_its_own(pool: lw.Pool) -> None:
    """``set_default_executor``, for ``to_thread`` and whatever else names none; the loop shuts it down at its end."""

    async def main() -> set[str]:
        asyncio.get_running_loop().set_default_executor(pool)
        return set(await asyncio.gather(*(asyncio.to_thread(where) for _ in range(20))))

    assert "MainThread" not in asyncio.run(main())
    with pytest.raises(RuntimeError, match="shut ?down"):
        pool.submit(where)


def test_asyncio_hears_of_errors(pool: lw.Pool) -> None:
    """They are raised where the call is awaited."""

    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(pool, int, "no number")

    with pytest.raises(ValueError, match="no number"):
        asyncio.run(main())


def test_asyncio_cancels_what_has_not_begun() -> None:
    """A cancelled call is never made; one that runs goes on, and only its awaiter leaves."""
    started, release = threading.Event(), threading.Event()
    made: list[int] = []

    async def main(pool: lw.Pool) -> None:
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(pool, hold, started, release)
        waiting = loop.run_in_executor(pool, made.append, 1)
        await asyncio.to_thread(started.wait, SECONDS)
        for future in (running, waiting):
            assert future.cancel()
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in await asyncio.gather(running, waiting, return_exceptions=True))
        await asyncio.sleep(0)  # in which the loop tells the pool
        release.set()

    with lw.Pool(1) as pool:
        asyncio.run(main(pool))
    assert made == []


# --- dask -----------------------------------------------------------------------------------------------------------


def test_dask_arrays_are_computed_in_it(pool: lw.Pool) -> None:
    """Block by block, with what NumPy says of the whole."""
    numbers = np.arange(10_000.0).reshape(100, 100)
    with dask.config.set(pool=pool):
        blocks = array.from_array(numbers, chunks=(17, 31))
        assert np.array_equal((blocks + blocks.T).compute(), numbers + numbers.T)
        assert blocks.sum().compute() == numbers.sum()


def test_dask_bags_are_computed_in_it(pool: lw.Pool) -> None:
    """By its threaded scheduler, in the pool's threads."""
    with dask.config.set(pool=pool, scheduler="threads"):
        numbers = bag.from_sequence(range(100), npartitions=10)
        assert numbers.map(lambda number: number**2).filter(lambda number: number % 2).sum().compute() == sum(n**2 for n in range(100) if n % 2)
        assert "MainThread" not in numbers.map(lambda _: where()).compute()


def test_dask_hears_of_errors(pool: lw.Pool) -> None:
    """They are raised by ``compute``, and the pool stays usable."""

    def fail(_: Any) -> Any:
        raise ArithmeticError("in a block")

    with dask.config.set(pool=pool):
        with pytest.raises(ArithmeticError, match="in a block"):
            array.ones(10, chunks=2).map_blocks(fail, meta=np.ones(1)).compute()
        assert array.ones(10, chunks=2).sum().compute() == 10


# --- SciPy ----------------------------------------------------------------------------------------------------------


def quadratic(x: Any) -> float:
    """Least at (1, 2)."""
    return float((x[0] - 1) ** 2 + (x[1] - 2) ** 2)


def evolve(workers: Any) -> Any:
    """Look for the least value by evolution, from a fixed seed."""
    return optimize.differential_evolution(quadratic, [(-5, 5), (-5, 5)], seed=1, maxiter=20, polish=False, updating="deferred", workers=workers)


def brute(workers: Any) -> Any:
    """Look for it on a grid."""
    return optimize.brute(quadratic, [slice(-4, 4, 0.5)] * 2, finish=None, full_output=True, workers=workers)


def quad_vec(workers: Any) -> Any:
    """Integrate two functions."""
    return integrate.quad_vec(lambda x: np.array([np.sin(10 * x), np.cos(x)]), 0, 3, epsabs=1e-10, workers=workers)


@pytest.mark.parametrize("function", [evolve, brute, quad_vec], ids=lambda function: function.__name__)
def test_scipy_maps_with_it(function: Callable[[Any], Any], pool: lw.Pool) -> None:
    """``workers=pool.map`` has the results of one worker, to the bit."""
    expected, found = function(map), function(pool.map)
    if function is evolve:
        expected, found = (expected.x, expected.fun, expected.nfev), (found.x, found.fun, found.nfev)
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one, other)


def test_scipy_hears_of_errors(pool: lw.Pool) -> None:
    """They come out of the search."""

    def fail(limit: float, x: Any) -> float:
        if x[0] > limit:
            raise ArithmeticError("too far")
        return float(x[0])

    with pytest.raises(ArithmeticError, match="too far"):
        optimize.brute(partial(fail, 2.0), [slice(0, 4, 0.5)], finish=None, workers=pool.map)
