"""Ufuncs that are not NumPy's: SciPy's and Numba's run in chunks as NumPy's own do."""

from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
from bits import assert_like_numpy, assert_same_bits, chunks_during
from scipy import special
from strategies import WORKERS, values
from ufuncs import nogil_loops

from lightwork import chunked_map

ONE_ARGUMENT = ("erf", "gamma", "gammaln", "expit", "logit", "j0", "i0e", "ndtri", "log_ndtr", "exprel")
MORE = (("beta", 2), ("xlogy", 2), ("jv", 2), ("betainc", 3), ("sici", 1), ("fresnel", 1), ("ellipj", 2), ("airy", 1))


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize(("name", "n_inputs"), [(name, 1) for name in ONE_ARGUMENT] + list(MORE))
def test_special_functions_give_scipys_bits(name: str, n_inputs: int, workers: int) -> None:
    """Each loop of a SciPy ufunc, of one output or of several, gives the same bits and warnings in chunks."""
    ufunc = getattr(special, name)
    assert ufunc.nin == n_inputs
    with np.errstate(all="warn"):
        for dtypes in nogil_loops(ufunc):
            inputs = [values(dtype, 120, seed) for seed, dtype in enumerate(dtypes)]
            assert_like_numpy(ufunc, *inputs, chunk_size=16, workers=workers)


def test_special_functions_run_in_chunks() -> None:
    """Their loops need no GIL, so they are cut up."""
    numbers = np.linspace(0.1, 5, 1000)
    assert chunks_during(chunked_map, special.gammaln, numbers, chunk_size=100, workers=2) == 10


def test_special_functions_broadcast_and_cast() -> None:
    """An integer column against a row of floats."""
    orders, arguments = np.arange(7)[:, None], np.linspace(0, 20, 1300, dtype="f")
    assert_like_numpy(special.jv, orders, arguments, chunk_size=400, workers=3)


@pytest.mark.parametrize("workers", WORKERS)
def test_errors_of_special_functions_are_scipys(workers: int) -> None:
    """Under ``special.errstate``, which SciPy keeps for each thread, a pole raises in whichever chunk it is."""
    for pole in (3, 150_000, 299_999):
        numbers = np.ones(300_000)
        numbers[pole] = -1
        with special.errstate(all="raise"):
            for _ in range(5):
                assert_like_numpy(special.gammaln, numbers, chunk_size=10_000, workers=workers)


@pytest.fixture(scope="module")
def numba() -> ModuleType:
    """Numba, where it has a release for this Python; elsewhere the run names what it left out."""
    return cast(ModuleType, pytest.importorskip("numba"))


@pytest.mark.parametrize("workers", WORKERS)
def test_a_numba_ufunc_gives_its_own_bits(numba: ModuleType, workers: int) -> None:
    """``@vectorize`` with signatures makes a ufunc, and it is cut up like any other."""

    @numba.vectorize(["float32(float32, float32)", "float64(float64, float64)"])  # type: ignore[untyped-decorator]
    def blend(x: Any, y: Any) -> Any:
        return x if x > y else 0.25 * x + 0.75 * y

    for dtype in ("f", "d", "i"):
        first, second = values(dtype, 200), values(dtype, 200, 1)[::-1]
        with np.errstate(all="ignore"):
            expected = blend.ufunc(first, second)
            assert_same_bits(chunked_map(blend.ufunc, first, second, chunk_size=16, workers=workers), expected)


def test_a_numba_dufunc_is_taken_as_its_ufunc(numba: ModuleType) -> None:
    """The object that ``@vectorize`` returns wraps a ufunc; it may be passed as it is."""

    @numba.vectorize(["float64(float64)"])  # type: ignore[untyped-decorator]
    def cube(x: Any) -> Any:
        return x * x * x

    numbers = np.arange(1000.0)
    assert_same_bits(chunked_map(cube, numbers, chunk_size=100, workers=2), cube(numbers))


class Scaled:
    """A callable that is no ufunc, though it has one."""

    ufunc = np.exp

    def __call__(self, view: Any) -> Any:
        """Compute something else."""
        return self.ufunc(2 * view)


@pytest.mark.parametrize("chunk_size", [None, 100])
def test_a_callable_that_has_a_ufunc_is_called_itself(numba: ModuleType, chunk_size: int | None) -> None:
    """Numba's wrappers are known by their class: what anybody else's object names ``ufunc`` is its own affair."""
    numbers = np.linspace(0, 1, 1000)
    assert_same_bits(chunked_map(Scaled(), numbers, chunk_size=chunk_size, workers=2), np.exp(2 * numbers))
