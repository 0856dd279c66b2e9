"""``chunked_map(ufunc, ...)`` is the ufunc: each loop of each ufunc, to the bit, however it is cut up."""

from typing import Any

import numpy as np
import pytest
from bits import assert_like_numpy, chunks_during
from strategies import WORKERS, Array, values
from ufuncs import ELEMENTWISE, DTypes, nogil_loops

import lightwork
from lightwork import chunked_map

N_ITEMS = 67  # four chunks of 16 and a rest of 3
KEPT_SMALL = {("power", 1), ("float_power", 1), ("left_shift", 1), ("right_shift", 1), ("ldexp", 1)}

each_ufunc = pytest.mark.parametrize("ufunc", ELEMENTWISE, ids=lambda ufunc: ufunc.__name__)
each_team = pytest.mark.parametrize("workers", WORKERS)


def _inputs(ufunc: np.ufunc, dtypes: DTypes, size: int) -> list[Array]:
    """Values for each input of a loop; a power, a shift and a factor of a time are kept small, or every call ends in one error."""
    inputs = [values(dtype, size, seed) for seed, dtype in enumerate(dtypes)]
    for position, dtype in enumerate(dtypes):
        if dtype.kind in "iu" and ((ufunc.__name__, position) in KEPT_SMALL or "m" in {other.kind for other in dtypes}):
            inputs[position] = inputs[position] & dtype.type(7)
    return inputs


@each_team
@each_ufunc
def test_every_loop_gives_numpys_bits(ufunc: np.ufunc, workers: int) -> None:
    """Each nogil loop of each ufunc returns NumPy's result and gives its warnings."""
    for dtypes in nogil_loops(ufunc):
        assert_like_numpy(ufunc, *_inputs(ufunc, dtypes, N_ITEMS), chunk_size=16, workers=workers)


@each_ufunc
def test_every_loop_walks_any_stride(ufunc: np.ufunc) -> None:
    """Steps of two, backwards walks and a transposed matrix go through each loop as NumPy takes them."""
    for dtypes in nogil_loops(ufunc):
        inputs = _inputs(ufunc, dtypes, 2 * 6 * 11)
        for layout in (lambda x: x[::2], lambda x: x[::-1], lambda x: x.reshape(12, 11).T):
            assert_like_numpy(ufunc, *map(layout, inputs), chunk_size=16, workers=3)


@each_ufunc
def test_every_loop_returns_numpys_scalars(ufunc: np.ufunc) -> None:
    """Inputs without a dimension give a scalar of NumPy's type, for each loop."""
    for dtypes in nogil_loops(ufunc):
        assert_like_numpy(ufunc, *[array.reshape(()) for array in _inputs(ufunc, dtypes, 1)])


@each_ufunc
def test_every_loop_takes_empty_arrays(ufunc: np.ufunc) -> None:
    """Nothing in, nothing out, of the right dtype and shape."""
    for dtypes in nogil_loops(ufunc):
        assert_like_numpy(ufunc, *[np.empty((3, 0, 2), dtype) for dtype in dtypes], workers=2)


@each_ufunc
def test_every_nogil_loop_is_run_in_chunks(ufunc: np.ufunc) -> None:
    """A loop that may run without the GIL is not handed to NumPy behind our back; where places decide, chunks are of whole vectors."""
    for dtypes in nogil_loops(ufunc):
        length = 64 if ufunc in (np.fmin, np.fmax) and dtypes[0].kind == "f" else 16
        with np.errstate(all="ignore"):
            inputs = _inputs(ufunc, dtypes, N_ITEMS)
            ran = chunks_during(chunked_map, ufunc, *inputs, chunk_size=16, workers=2)
        assert ran == -(-N_ITEMS // length), f"{ufunc.__name__} of {dtypes} ran {ran} chunks"


@pytest.mark.parametrize("ufunc", [np.modf, np.frexp, np.divmod], ids=lambda ufunc: ufunc.__name__)
@each_team
def test_several_outputs_come_as_a_tuple(ufunc: np.ufunc, workers: int) -> None:
    """A ufunc with two outputs returns both, each in NumPy's dtype and order."""
    inputs = [np.asfortranarray(values("d", 12 * 11, seed).reshape(12, 11)) for seed in range(ufunc.nin)]
    assert_like_numpy(ufunc, *inputs, chunk_size=10, workers=workers)


LARGE: dict[str, tuple[Any, ...]] = {
    "contiguous": (np.exp, values("f", 1_000_003)),
    "transposed": (np.sqrt, values("d", 1_000_000).reshape(1250, 800).T),
    "strided": (np.log1p, values("d", 1_500_000)[::-3]),
    "outer": (np.hypot, values("d", 1003)[:, None], values("d", 997, 1)),
    "cast": (np.arctan2, values("h", 1_000_003), values("f", 1_000_003, 1)),
    "swapped": (np.multiply, values(">f8", 1_000_003), 3.0),
    "row by row": (np.maximum, values("d", 1_000_000).reshape(1000, 1000)[:, ::2], values("d", 500, 1)),
}


@pytest.mark.parametrize("case", LARGE)
@each_team
def test_large_arrays_give_numpys_bits(case: str, workers: int) -> None:
    """A million items, cut up as the library likes, are what NumPy makes of them."""
    ufunc, *inputs = LARGE[case]
    assert_like_numpy(ufunc, *inputs, workers=workers)


@pytest.mark.parametrize("case", LARGE)
def test_large_arrays_run_in_chunks(case: str) -> None:
    """A million items are worth the workers: the call is cut up with nothing to tune."""
    ufunc, *inputs = LARGE[case]
    with np.errstate(all="ignore"):
        assert chunks_during(chunked_map, ufunc, *inputs, workers=2) > 1


def test_small_arrays_stay_with_the_caller() -> None:
    """A hundred items are not worth waking anyone: with the pool awake and a hundred tries, not one chunk is made."""
    assert chunks_during(chunked_map, np.sqrt, np.arange(1000.0), chunk_size=10, workers=2) == 100
    for _ in range(100):
        assert chunks_during(chunked_map, np.sqrt, np.arange(100.0)) == 0


def test_one_worker_is_the_caller() -> None:
    """``workers=1`` runs in the calling thread, however many chunks there are."""
    chunked_map(np.sqrt, np.arange(1000.0), chunk_size=10, workers=2)
    others = [worker.chunks for worker in lightwork.statistics().workers[1:]]
    chunked_map(np.sqrt, np.arange(1000.0), chunk_size=10, workers=1)
    assert [worker.chunks for worker in lightwork.statistics().workers[1:]] == others


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_axis_says_nothing_to_a_ufunc(axis: int) -> None:
    """An elementwise result does not depend on ``axis``."""
    matrix = values("d", 77).reshape(7, 11)
    with np.errstate(all="ignore"):
        assert np.array_equal(chunked_map(np.sqrt, matrix, axis=axis, chunk_size=5), np.sqrt(matrix), equal_nan=True)
