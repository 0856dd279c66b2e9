"""Counts: of what is not zero, of small integers, and in the bins of a histogram. They are exact, in any layout and at any number of workers."""

import threading
from typing import Any

import numpy as np
import pytest
from bits import assert_same_bits, chunks_during
from hypothesis import given
from hypothesis import strategies as st
from lightwork._core.counting import count_bins
from samples import Sample, assert_same_call, axes_of, samples, workers
from strategies import WORKERS, Array, examples

from lightwork.arrays import counting

#: Also around the numbers up to which pairs of items are counted, and several tables are kept.
BINS = (1, 2, 10, 100, 110, 111, 1023, 1024, 4099)
N_ITEMS = 70_001


def numbers(dtype: str, seed: int = 0) -> Array:
    """Return numbers many of which are equal, and lie on edges."""
    rng = np.random.default_rng(seed)
    return np.round(rng.standard_normal(N_ITEMS) * 20, rng.integers(0, 3)).astype(dtype)


@examples(120)
@given(st.data(), samples(), workers())
def test_what_is_not_zero(data: st.DataObject, sample: Sample, n_workers: int) -> None:
    """``count_nonzero`` along any axes: -0.0 is zero, NaN and NaT are not."""
    array = sample.build()
    zero = np.array(-0.0 if array.dtype.kind in "fc" else 0).astype(array.dtype)
    array = np.where(np.arange(array.size).reshape(array.shape) % 3, array, zero)
    keywords: dict[str, Any] = {"axis": data.draw(axes_of(array.ndim)), "keepdims": data.draw(st.booleans())}
    assert_same_call(counting.count_nonzero, np.count_nonzero, array, n_workers=n_workers, **keywords)


@pytest.mark.parametrize("dtype", ["b", "B", "h", "i", "q", "L", "?", "d", "O"])
@pytest.mark.parametrize("n_workers", WORKERS)
def test_small_integers(dtype: str, n_workers: int) -> None:
    """``bincount`` of any integers that NumPy takes, with as many counts as it has; and its error for all others."""
    for array in (np.abs(numbers("b")).astype(dtype), numbers("b").astype(dtype), np.abs(numbers("b")).astype(dtype)[::-2]):
        for minlength in (0, 7, 1000):
            assert_same_call(counting.bincount, np.bincount, array, minlength=minlength, n_workers=n_workers)


@pytest.mark.parametrize("minlength", [-1, None, 2.5, np.int64(300)])
def test_a_minlength_that_numpy_judges(minlength: Any) -> None:
    """A negative or fractional one is refused in NumPy's words."""
    assert_same_call(counting.bincount, np.bincount, np.abs(numbers("i")), minlength=minlength)


def test_weights_are_numpy_s() -> None:
    """Weights are added in NumPy's order."""
    array, weights = np.abs(numbers("i")), numbers("d", 1)
    assert_same_call(counting.bincount, np.bincount, array, weights)
    assert_same_call(counting.histogram, np.histogram, array, weights=weights)


def test_integers_larger_than_there_are_items() -> None:
    """Counts for each worker would take more memory than the items; one table does."""
    assert_same_call(counting.bincount, np.bincount, np.arange(0, 10 * N_ITEMS, 10))


@pytest.mark.parametrize("dtype", ["e", "f", "d", "g", "b", "H", "i", "q", "Q", "?", "D", "m8[s]"])
@pytest.mark.parametrize("bins", BINS)
def test_bins_of_one_width(dtype: str, bins: int) -> None:
    """A histogram of any numbers, with the range found or given, has NumPy's counts and edges."""
    array = numbers(dtype) if dtype != "m8[s]" else numbers("i").astype(dtype)
    for given_range in (None, (-10, 10), (0.1, 0.7), (np.float64(-3), np.float64(3.3)), (5, 5)):
        for density in (None, True):
            assert_same_call(counting.histogram, np.histogram, array, bins, given_range, density)


@examples(120)
@given(st.integers(0, 999), st.sampled_from(BINS), st.sampled_from(("f", "d", "i")), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), workers())
def test_items_on_edges(seed: int, bins: int, dtype: str, start: float, width: float, n_workers: int) -> None:
    """Items that are edges, or next to one, are in the bins that NumPy puts them in."""
    edges = np.linspace(start, start + width, bins + 1).astype(dtype)
    array = np.random.default_rng(seed).choice(edges, 40_000)
    if dtype != "i":
        array = np.concatenate([array, np.nextafter(array, np.array(-np.inf, dtype)), np.nextafter(array, np.array(np.inf, dtype))])
    assert_same_call(counting.histogram, np.histogram, array, bins, n_workers=n_workers)
    assert_same_call(counting.histogram, np.histogram, array, bins, (start, start + width), n_workers=n_workers)


@pytest.mark.parametrize("size", [40_000, 65_536, 65_599, 65_600, 65_601, 98_303, 300_007])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_sizes_around_those_of_groups_and_chunks(size: int, dtype: str) -> None:
    """Items that are left over, before or behind, are counted once."""
    array = np.random.default_rng(size).random(size).astype(dtype)
    for bins in (100, 1000):
        assert_same_call(counting.histogram, np.histogram, array, bins)


@pytest.mark.parametrize("n_workers", WORKERS)
@pytest.mark.parametrize("bins", [1, 100])
def test_all_items_in_one_bin(bins: int, n_workers: int) -> None:
    """However many there are: the counts of pairs are small integers for a while only."""
    array = np.full(600_000, 0.505)
    assert_same_call(counting.histogram, np.histogram, array, bins, (0, 1), n_workers=n_workers)
    array[[7, 400_000]] = 0, 1
    assert_same_call(counting.histogram, np.histogram, array, bins, n_workers=n_workers)


@pytest.mark.parametrize("dtype", ["f", "d", "i", "h"])
@pytest.mark.parametrize("given_range", [(-10, 10), (0, 0.5), (-1e-3, 1e-3), (-1e9, 1e9), (1000, 1001)])
def test_items_outside(dtype: str, given_range: tuple[float, float]) -> None:
    """Most items may be outside the range, or hardly any."""
    for bins in (10, 100, 500):
        assert_same_call(counting.histogram, np.histogram, numbers(dtype), bins, given_range)


@pytest.mark.parametrize("step", [1, -1, 3])
def test_other_layouts(step: int) -> None:
    """A histogram takes items in any order, so every layout will do."""
    for array in (numbers("d")[::step], Sample("f", (200, 300), steps=(1, step)).build(), Sample("d", (200, 300), axes=(1, 0)).build()):
        assert_same_call(counting.histogram, np.histogram, array, 50)


@pytest.mark.parametrize("flaw", [np.nan, np.inf, -np.inf, 1e308, -1.7e308])
def test_numbers_that_have_no_bin(flaw: float) -> None:
    """They are left out where a range is given, and an error, or all too wide a range, where it has to be found."""
    array = numbers("d")
    array[::100] = flaw
    array[5] = 1.7e308 if abs(flaw) > 1e300 and np.isfinite(flaw) else 1.0
    assert_same_call(counting.histogram, np.histogram, array, 10)
    assert_same_call(counting.histogram, np.histogram, array, 10, (-5, 5))


def test_bins_too_narrow_for_their_numbers() -> None:
    """Where rounding is as wide as a bin, NumPy's estimates decide, or it refuses."""
    for base in (1e15, 1e16):
        array = base + np.arange(N_ITEMS) % 64
        for bins in (10, 64, 1000):
            assert_same_call(counting.histogram, np.histogram, array, bins)
    assert_same_call(counting.histogram, np.histogram, 2**60 + np.arange(N_ITEMS), 100)


@pytest.mark.parametrize("smallest", [5e-324, 1e-310, 1e-300])
def test_numbers_that_are_hardly_any(smallest: float) -> None:
    """Bins may be so narrow that what there are of them in a unit is more than any number, and edges so rounded that NumPy misses some."""
    for array in (np.arange(N_ITEMS) % 640 * smallest, np.arange(N_ITEMS) * smallest):
        for bins in (10, 100, 1000):
            assert_same_call(counting.histogram, np.histogram, array, bins)
    assert_same_call(counting.histogram, np.histogram, np.arange(N_ITEMS) * np.float32(1.4e-45), 1000)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble, np.int8, np.int64, np.uint64])
@pytest.mark.parametrize("dtype", ["f", "d", "i", "q", "B"])
def test_a_range_of_numbers_of_any_kind(kind: Any, dtype: str) -> None:
    """NumPy rounds the edges as its numbers are, and so must we."""
    array = (np.random.default_rng(0).random(300_000) * 12).astype(dtype)
    for bins in (10, 100, 1000):
        for given_range in ((kind(0), kind(7)), [kind(1.3), 9.7], np.array([0, 7], kind)):
            assert_same_call(counting.histogram, np.histogram, array, bins, given_range)


def test_a_range_that_can_be_read_once() -> None:
    """It is NumPy's to read."""
    array = numbers("d")
    assert_same_bits(counting.histogram(array, 10, iter((0, 5))), np.histogram(array, 10, (0, 5)))


@pytest.mark.parametrize("end", [2**53 - 1, 2**53, 2**53 + 1])
def test_integers_that_are_nearly_no_doubles(end: int) -> None:
    """NumPy compares integers with the ends of a range, which as doubles are others."""
    for sign in (1, -1):
        array = np.full(N_ITEMS, sign * end)
        for given_range in (None, (end + 1, end + 2**40), (-end - 2**40, -end - 1), (0, end), (-end, 0)):
            assert_same_call(counting.histogram, np.histogram, array, 10, given_range)


@pytest.mark.parametrize("dtype", ["b", "B"])
@pytest.mark.parametrize("bins", [1, 10, 255, 256, 257, 5000])
def test_bins_of_bytes(dtype: str, bins: int) -> None:
    """Nearly all may be edges, as in a picture."""
    array = np.random.default_rng(bins).integers(-128, 128, (300, 500)).astype(dtype)
    for items in (array, array[::-1, ::2], array.T, np.full(N_ITEMS, 7, dtype)):
        for given_range in (None, (0, 256), (0, 255), (-5.5, 70.25), (3, 3), (2, 1)):
            for density in (None, True):
                assert_same_call(counting.histogram, np.histogram, items, bins, given_range, density)


@pytest.mark.parametrize("n_bins", [10, 5000])
def test_what_is_no_bin_is_left_out(n_bins: int) -> None:
    """It may come to be there after one has looked how many bins there are: nothing is written elsewhere."""
    array = np.arange(N_ITEMS) % 7000
    array[::3] = 2**40
    array[1::3] = -1
    np.testing.assert_array_equal(count_bins(array, n_bins), np.bincount(array[2::3], minlength=7000)[:n_bins])


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ((0.505, 1.99), lambda a: counting.histogram(a, 2**16, (0, 1))),
        ((0.505, 1.99), lambda a: counting.histogram(a, 1000, (0, 1))),
        ((0.505, 1.99), lambda a: counting.histogram(a, 100, (0, 1))),
        ((5, 300_000), counting.bincount),
    ],
)
def test_items_that_change_while_they_are_counted(values: tuple[Any, Any], count: Any) -> None:
    """Counts are then of anything, but nothing else is written to, whatever a worker reads twice."""
    array = np.full(400_000, values[0])
    is_over = threading.Event()

    def change() -> None:
        while not is_over.is_set():
            array.fill(values[1])
            array.fill(values[0])

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(100):
            count(array)
    finally:
        is_over.set()
        changing.join()


@pytest.mark.parametrize("bins", [[-30, -1, 0, 2.5, 30], np.linspace(-40, 40, 33), (1, 2), [3, 2, 1], "auto", 0, -3, 2.5, np.int64(7), [[1, 2]]])
def test_bins_that_are_given(bins: Any) -> None:
    """Edges of any widths, rules by name, and mistakes."""
    for dtype in ("d", "i"):
        assert_same_call(counting.histogram, np.histogram, numbers(dtype), bins)


def test_large_counts_are_shared() -> None:
    """Each of them runs as many chunks."""
    array = np.abs(numbers("i")).repeat(5)
    for function in (counting.count_nonzero, counting.bincount, counting.histogram):
        assert chunks_during(function, array) > 1


def test_no_items() -> None:
    """Nothing is counted, and NumPy says how."""
    for function, numpys in ((counting.count_nonzero, np.count_nonzero), (counting.bincount, np.bincount), (counting.histogram, np.histogram)):
        assert_same_call(function, numpys, np.array([], int))
