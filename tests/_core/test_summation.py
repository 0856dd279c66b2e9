"""Sums of lines: the order that is taken for NumPy's, at lengths and layouts where joints could be seen."""

from typing import Any

import numpy as np
import pytest
from lightwork._core.line import is_line
from lightwork._core.summation import order_name, sum_cast, sum_line
from strategies import WORKERS, numbers

DTYPES = ("f", "d", "g", "F", "D", "G")
LENGTHS = [*range(1, 300, 7), *(size + around for size in (1024, 8192, 16_384, 65_536) for around in (-9, -1, 0, 1, 8))]


def only(sums: Any) -> Any:
    """Return the one item that is left when everything is added."""
    [total] = sums
    return total


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_order_is_known(dtype: str) -> None:
    """The installed NumPy adds in an order that is known, so that its sums are shared."""
    expected = "tree" if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else "buffers"
    assert order_name(np.dtype(dtype)) == expected


@pytest.mark.parametrize("dtype", ["e", "i", "?", "m8[s]"])
def test_no_order_is_told_for_others(dtype: str) -> None:
    """What is not added in one tree has none."""
    assert order_name(np.dtype(dtype)) == "other"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_workers", WORKERS)
def test_a_line_of_any_length(dtype: str, n_workers: int) -> None:
    """Sums of lines have NumPy's bits, forwards, backwards and with gaps."""
    for n_items in LENGTHS:
        array = numbers(dtype, 2 * n_items)
        for line in (array[:n_items], array[::2], array[::-1]):
            total = only(sum_line(line, n_workers))
            np.testing.assert_array_equal(total, np.add.reduce(line), strict=True)


@pytest.mark.parametrize(("given", "wanted"), [("e", "f"), ("f", "d"), ("i", "d"), ("?", "d"), ("Q", "d"), ("b", "l"), ("?", "l"), ("H", "L")])
@pytest.mark.parametrize("n_workers", WORKERS)
def test_a_line_that_is_cast(given: str, wanted: str, n_workers: int) -> None:
    """Buffers are added each for itself, and their sums in order."""
    for n_items in LENGTHS:
        array = (numbers("d", 2 * n_items) * 50).astype(given) if given not in "HQ" else np.arange(2 * n_items, dtype=given) ** 3
        for line in (array[:n_items], array[::2]):
            total = only(sum_cast(line, np.dtype(wanted), n_workers))
            np.testing.assert_array_equal(total, np.add.reduce(line, dtype=wanted), strict=True)


def test_every_half_is_cast_as_it_is() -> None:
    """All numbers of float16, subnormal ones too, become the same in float32 as in NumPy."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    for half in halves[np.isfinite(halves)][::5]:
        total = only(sum_cast(half.reshape(1), np.dtype("f"), 1))
        assert total == np.float32(half)


def test_a_buffer_of_another_size() -> None:
    """``np.setbufsize`` moves the joints of a sum that is cast."""
    array = np.arange(100_003, dtype="i8") ** 3
    before = np.getbufsize()
    try:
        for size in (1024, 4096, 100_000):
            np.setbufsize(size)
            assert only(sum_cast(array, np.dtype("d"), 2)) == np.add.reduce(array, dtype="d")
    finally:
        np.setbufsize(before)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((3, 4)), True),
        (np.zeros((3, 4)).T, True),
        (np.zeros((2, 3, 4)).transpose(1, 0, 2), True),
        (np.zeros((3, 4))[::-1, ::-1], True),
        (np.zeros((3, 8))[:, ::2], True),
        (np.zeros((3, 9))[:, ::2], False),
        (np.zeros((3, 4))[:, :3], False),
        (np.zeros((3, 4))[::-1], False),
        (np.zeros((4, 1, 3))[::2, :, 0], True),
        (np.zeros((0, 3)), False),
        (np.array(3.0), True),
        (np.zeros(17, "u1")[1:].view("f8"), False),
    ],
)
def test_what_is_a_line(array: np.ndarray, expected: bool) -> None:
    """Whatever one stride walks in memory order, if it is aligned and not empty."""
    assert is_line(array) is expected
    assert (sum_line(array, 1) is not None) is expected
