"""Broadcasting, strides and memory order: any view of any memory, cut anywhere, is read and written as NumPy does."""

import numpy as np
import pytest
from bits import assert_like_numpy, assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from strategies import NUMERIC, WORKERS, Operand, Tuning, broadcastable, examples, tunings

from lightwork import chunked_map

UNARY = (np.negative, np.square, np.exp, np.sqrt, np.sin, np.log1p, np.rint, np.absolute, np.sign, np.isfinite)
BINARY = (np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.maximum, np.less, np.arctan2, np.hypot)
TWO_OUTPUTS = (np.modf, np.frexp)

# Around a vector, a cache line, a page, NumPy's buffer of 8192 items, and whatever grain is a power of two.
SIZES = sorted({size + around for size in (0, 4, 8, 16, 32, 64, 128, 1024, 4096, 8192, 65536) for around in (0, 1, 2)})


@examples(250)
@given(st.sampled_from(UNARY), broadcastable(1), tunings())
def test_one_operand_of_any_layout(ufunc: np.ufunc, operands: tuple[Operand], tuning: Tuning) -> None:
    """One input, whatever its shape, order, steps, alignment, byte order and dtype."""
    assert_like_numpy(ufunc, operands[0].build(), **tuning.keywords)


@examples(400)
@given(st.sampled_from(BINARY), broadcastable(2), tunings())
def test_two_operands_broadcast(ufunc: np.ufunc, operands: tuple[Operand, Operand], tuning: Tuning) -> None:
    """Two inputs of shapes that broadcast and dtypes that may differ."""
    assert_like_numpy(ufunc, *[operand.build() for operand in operands], **tuning.keywords)


@examples(100)
@given(st.sampled_from(TWO_OUTPUTS), broadcastable(1, ("e", "f", "d", "g", ">f8")), tunings())
def test_two_outputs_share_one_order(ufunc: np.ufunc, operands: tuple[Operand], tuning: Tuning) -> None:
    """Each output has the memory order that NumPy gives it."""
    assert_like_numpy(ufunc, operands[0].build(), **tuning.keywords)


@examples(60)
@given(broadcastable(1, NUMERIC), tunings())
def test_inputs_are_only_read(operands: tuple[Operand], tuning: Tuning) -> None:
    """No bit of an input changes, and a read-only one is as good as any."""
    array = operands[0].build()
    with np.errstate(all="ignore"):
        chunked_map(np.isfinite, array, **tuning.keywords)
    assert_same_bits(array, operands[0].build())


@pytest.mark.parametrize("n_items", SIZES)
def test_every_length_around_a_boundary(n_items: int) -> None:
    """Lengths about vectors, buffers and chunks, without a cast and with one, contiguous and not."""
    reals, integers = Operand("d", (n_items,)).build(), Operand("i", (n_items,), seed=1).build()
    for tuning in ({}, {"workers": 2, "chunk_size": max(n_items // 3, 1)}):
        assert_like_numpy(np.sqrt, reals, **tuning)
        assert_like_numpy(np.add, reals, integers, **tuning)
        assert_like_numpy(np.multiply, reals[::-1], integers[::2].repeat(2)[:n_items], **tuning)


@pytest.mark.parametrize("chunk_size", [n for n in SIZES if n > 128])
@pytest.mark.parametrize("workers", WORKERS)
def test_every_chunk_size_around_a_boundary(chunk_size: int, workers: int) -> None:
    """Chunks about NumPy's buffer size do not show, neither in buffered nor in unbuffered operands."""
    reals, integers = Operand("f", (20_011,)).build(), Operand("h", (20_011,), seed=1).build()
    assert_like_numpy(np.divide, reals, integers, chunk_size=chunk_size, workers=workers)
    assert_like_numpy(np.exp, reals, chunk_size=chunk_size, workers=workers)


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1), (3, 1667), (1667, 3), (17, 18, 19), (2,) * 12])
def test_an_inner_loop_of_any_length(shape: tuple[int, ...]) -> None:
    """Chunks that end inside a row, at its end and many rows later all agree with NumPy."""
    matrix = Operand("d", shape, steps=(2,) + (1,) * (len(shape) - 1)).build()
    for chunk_size in (shape[-1] - 1 or 1, shape[-1], shape[-1] + 1, 997):
        assert_like_numpy(np.multiply, matrix, matrix[0], chunk_size=chunk_size, workers=3)


def test_as_many_dimensions_as_numpy_takes() -> None:
    """Sixty-four, most of them of length one."""
    array = np.arange(4096.0).reshape((2,) * 12 + (1,) * 52)
    assert_like_numpy(np.add, array.transpose(), array[:1], chunk_size=100, workers=2)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_result_keeps_the_order_of_its_inputs(order: str) -> None:
    """C in, C out; Fortran in, Fortran out; nobody's transpose is undone."""
    matrix = np.arange(35.0 * 36).reshape((35, 36), order=order)  # type: ignore[call-overload]
    result = chunked_map(np.sqrt, matrix, chunk_size=100, workers=2)
    assert result.flags[f"{order}_CONTIGUOUS"]
    assert_same_bits(result, np.sqrt(matrix))
