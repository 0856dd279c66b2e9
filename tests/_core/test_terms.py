"""Sums of squared deviations: the kernel's, for items side by side, and those of NumPy's loops, for all others."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from lightwork._core.terms import has_kernel, sum_deviations
from numpy.testing import assert_array_equal
from strategies import WORKERS, numbers

DTYPES = ("f", "d", "g", "F", "D")
LENGTHS = [*range(1, 300), *(size + around for size in (1024, 2048, 4096, 8192, 65_536) for around in (-9, -1, 0, 1, 7))]


def by_numpy(array: Any, centre: Any) -> Any:
    """Return the sum that NumPy makes for a variance, from temporary arrays."""
    deviations = array - centre
    squares = np.square(deviations) if array.dtype.kind != "c" else np.square(deviations.real) + np.square(deviations.imag)
    return np.add.reduce(squares, keepdims=True)


@pytest.mark.parametrize("leaves_out_nan", [False, True])
def test_the_kernels_have_numpys_bits(leaves_out_nan: bool) -> None:
    """The installed NumPy adds as the kernels do, so that they are in use."""
    assert has_kernel(np.dtype("f"), leaves_out_nan)
    assert has_kernel(np.dtype("d"), leaves_out_nan)
    assert not has_kernel(np.dtype("g"), leaves_out_nan)


def test_a_small_buffer_at_the_first_use_does_not_keep_the_kernels_from_being_used() -> None:
    """NumPy adds no more than a buffer at a time before 2.3, in whatever size the caller has set."""
    script = "import numpy as np; np.setbufsize(16); from lightwork._core.terms import has_kernel; print(has_kernel(np.dtype('d')), np.getbufsize())"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "True 16\n"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_workers", WORKERS)
def test_squares_of_a_line_of_any_length(dtype: str, n_workers: int) -> None:
    """Sums have NumPy's bits and dtype, of items side by side, with gaps, and backwards."""
    for n_items in LENGTHS:
        array = numbers(dtype, 2 * n_items + 1)
        for line in (array[:n_items], array[1 : n_items + 1], array[: 2 * n_items : 2], array[::-1]):
            total = sum_deviations(line, line[:1].copy(), n_workers=n_workers)
            assert_array_equal(total, by_numpy(line, line[0]), strict=True)


@pytest.mark.parametrize("dtype", ["f", "d", "g"])
@pytest.mark.parametrize("n_workers", WORKERS)
def test_squares_without_nan(dtype: str, n_workers: int) -> None:
    """The deviation of a NaN counts as 0, wherever it is."""
    for n_items in LENGTHS:
        array = numbers(dtype, 2 * n_items)
        array[:: 1 + n_items % 5] = np.nan
        centre = np.ones(1, dtype)
        for line in (array[:n_items], array[::2]):
            total = sum_deviations(line, centre, leaves_out_nan=True, n_workers=n_workers)
            filled = np.where(np.isnan(line), centre, line)
            assert_array_equal(total, by_numpy(filled, centre[0]), strict=True)


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("n_items", [5, 64, 5000])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -0.0, 1e-45])
def test_squares_of_special_values(dtype: str, n_items: int, value: float) -> None:
    """One infinity, NaN or denormal number, in any lane or behind them, counts as in NumPy."""
    for place in {0, 1, n_items // 2, n_items - 2, n_items - 1}:
        array = numbers(dtype, n_items)
        array[place] = value
        assert_array_equal(sum_deviations(array, np.zeros(1, dtype)), by_numpy(array, 0), strict=True)


@pytest.mark.parametrize(("dtype", "largest"), [("f", 1e38), ("d", 1e308)])
@pytest.mark.parametrize("n_items", [5, 64, 5000])
def test_what_numpy_warns_of_is_numpys(dtype: str, largest: float, n_items: int) -> None:
    """A square that overflows, and a difference of infinities, are NumPy's to do, which reports them."""
    array = numbers(dtype, n_items)
    array[-1] = largest
    assert sum_deviations(array, np.zeros(1, dtype)) is None
    array[-1] = np.inf
    assert sum_deviations(array, np.full(1, np.inf, dtype)) is None


def test_errors_that_nobody_wants_to_hear_of_are_no_reason_to_decline() -> None:
    """With errors ignored, an overflow is in the sum."""
    with np.errstate(all="ignore"):
        assert_array_equal(sum_deviations(np.full(5000, 1e308), np.zeros(1)), [np.inf])
