"""Overlap: an ``out`` that shares memory with an input gives what NumPy gives, as if the input had been read first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from bits import Outcome, assert_same_bits, assert_same_outcome, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided
from strategies import WORKERS, Array, Tuning, examples, tunings, values

from lightwork import chunked_map

N_ITEMS = 100


@dataclass(frozen=True)
class Window:
    """A view of a row of memory: ``N_ITEMS`` of its items, from ``offset`` on, every ``step``-th, maybe backwards."""

    offset: int
    step: int
    backwards: bool

    def of(self, memory: Array) -> Array:
        """Cut the window out of ``memory``."""
        view = memory[self.offset : self.offset + N_ITEMS * self.step : self.step]
        return view[::-1] if self.backwards else view


windows = st.builds(Window, st.integers(0, 40), st.integers(1, 3), st.booleans())


def assert_overlap_like_numpy(ufunc: np.ufunc, dtype: str, cuts: list[Window], out: Window, tuning: Tuning) -> None:
    """Run both sides on equal memory; the whole memory must agree afterwards, not just the window written."""
    numpys, ours = (values(dtype, 40 + 3 * N_ITEMS) for _ in range(2))
    with np.errstate(all="ignore"):
        ufunc(*[cut.of(numpys) for cut in cuts], out=out.of(numpys), casting="same_kind")
        chunked_map(ufunc, *[cut.of(ours) for cut in cuts], out=out.of(ours), **tuning.keywords)
    assert_same_bits(ours, numpys)


@examples(150)
@given(st.sampled_from("bhdD"), windows, windows, tunings())
def test_one_input_overlaps_out(dtype: str, cut: Window, out: Window, tuning: Tuning) -> None:
    """Equal, shifted by some items, strided or reversed: the input is read as it was before the call."""
    assert_overlap_like_numpy(np.negative, dtype, [cut], out, tuning)


@examples(150)
@given(st.sampled_from("Bfg"), windows, windows, windows, tunings())
def test_two_inputs_overlap_out(dtype: str, first: Window, second: Window, out: Window, tuning: Tuning) -> None:
    """Both inputs and the output share one memory in any way."""
    assert_overlap_like_numpy(np.subtract, dtype, [first, second], out, tuning)


@pytest.mark.parametrize("dtype", ["f", ">f8", "d"])
@pytest.mark.parametrize("workers", WORKERS)
def test_overlap_through_a_cast(dtype: str, workers: int) -> None:
    """An operand that is cast on the way goes through a buffer, and still reads what was there before."""
    n_items, other = 9001, np.arange(9001, dtype="i2")
    for cut, out in ((slice(0, -1), slice(1, None)), (slice(1, None), slice(0, -1)), (slice(None, 0, -1), slice(1, None))):
        numpys, ours = (values("i", n_items + 1).astype(dtype) for _ in range(2))
        np.add(numpys[cut], other, out=numpys[out])
        chunked_map(np.add, ours[cut], other, out=ours[out], chunk_size=1000, workers=workers)
        assert_same_bits(ours, numpys)


MATRIX_VIEWS: dict[str, Callable[[Array], Array]] = {
    "itself": lambda m: m,
    "transposed": lambda m: m.T,
    "upside down": lambda m: m[::-1],
    "mirrored": lambda m: m[:, ::-1],
    "turned": lambda m: m.T[::-1],
    "its first row": lambda m: m[0],
    "its last column": lambda m: m[:, -1:],
    "its middle item": lambda m: m[20, 20],
    "one item as an array": lambda m: m[20:21, 20:21],
}


@pytest.mark.parametrize("view", MATRIX_VIEWS)
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("chunk_size", [40, 41, 997, None])
def test_a_matrix_is_overwritten(view: str, workers: int, chunk_size: int | None) -> None:
    """``m = m - view(m)`` in place, with a view that reads rows which other chunks write."""
    look = MATRIX_VIEWS[view]
    numpys, ours = (np.arange(41.0 * 41).reshape(41, 41) for _ in range(2))
    np.subtract(numpys, look(numpys), out=numpys)
    chunked_map(np.subtract, ours, look(ours), out=ours, chunk_size=chunk_size, workers=workers)
    assert_same_bits(ours, numpys)


@pytest.mark.parametrize("workers", WORKERS)
def test_a_large_array_is_shifted_over_itself(workers: int) -> None:
    """A million items moved by one, either way: no chunk reads what its neighbour has written."""
    for source, target in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        numpys, ours = (np.arange(1_000_001.0) for _ in range(2))
        np.multiply(numpys[source], 3, out=numpys[target])
        chunked_map(np.multiply, ours[source], 3, out=ours[target], workers=workers)
        assert_same_bits(ours, numpys)


@pytest.mark.parametrize("workers", WORKERS)
def test_outputs_swap_with_inputs(workers: int) -> None:
    """``divmod(a, b, out=(b, a))`` reads both before it writes either."""
    a, b = values("d", 500), values("d", 500, 1)
    mine_a, mine_b = a.copy(), b.copy()
    with np.errstate(all="ignore"):
        np.divmod(a, b, out=(b, a))
        chunked_map(np.divmod, mine_a, mine_b, out=(mine_b, mine_a), chunk_size=64, workers=workers)
    assert_same_bits((mine_a, mine_b), (a, b))


SELF_OVERLAPPING: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "one item a thousand times": ((1000,), (0,)),
    "one row a hundred times": ((100, 10), (0, 8)),
    "rows shifted by an item": ((100, 10), (8, 8)),
}


@pytest.mark.parametrize("case", SELF_OVERLAPPING)
@pytest.mark.parametrize("workers", WORKERS)
def test_an_out_that_overlaps_itself(case: str, workers: int) -> None:
    """Items of ``out`` that are one place in memory end as NumPy leaves them: by the last write in its order."""
    shape, strides = SELF_OVERLAPPING[case]
    numbers, numpys = np.arange(1000.0).reshape(shape), np.zeros(200)
    np.add(numbers, 1, out=as_strided(numpys, shape, strides))
    for _ in range(10):
        ours = np.zeros(200)
        chunked_map(np.add, numbers, 1, out=as_strided(ours, shape, strides), chunk_size=7, workers=workers)
        assert_same_bits(ours, numpys)


OUTPUTS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "the same": lambda memory: (memory[:1000], memory[:1000]),
    "reversed": lambda memory: (memory[:1000], memory[999::-1]),
    "shifted": lambda memory: (memory[:1000], memory[1:1001]),
}


@pytest.mark.parametrize("case", OUTPUTS)
@pytest.mark.parametrize("workers", WORKERS)
def test_outputs_that_overlap_each_other(case: str, workers: int) -> None:
    """Two outputs in one memory are written one after the other, as NumPy writes them."""
    numbers, numpys = np.linspace(-5, 5, 1000), np.zeros(1001)
    np.modf(numbers, out=OUTPUTS[case](numpys))
    for _ in range(10):
        ours = np.zeros(1001)
        chunked_map(np.modf, numbers, out=OUTPUTS[case](ours), chunk_size=7, workers=workers)
        assert_same_bits(ours, numpys)


# --- What an error leaves -------------------------------------------------------------------------------------------

N_LONG = 9001  # more than NumPy casts in one piece

COPIED: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "shifted up": lambda memory: (memory[:-1], memory[1:]),
    "reversed": lambda memory: (memory, memory[::-1]),
    "stretched": lambda memory: (memory[: N_LONG // 2], memory[: N_LONG // 2 * 2 : 2]),
}
SHARING = COPIED | {"the same": lambda memory: (memory, memory)}

each_team = pytest.mark.parametrize("workers", WORKERS)


def refuse(message: str, _: int) -> None:
    """Raise what ``np.errstate(all="call")`` tells of."""
    raise LookupError(message)


def outcome_in(memory: Array, case: str, call: Callable[..., Any], *args: Any, **keywords: Any) -> Outcome:
    """Call on the two views of a memory, the second of which is written."""
    source, out = SHARING[case](memory)
    return outcome_of(call, *args, source, out=out, **keywords)


@each_team
@pytest.mark.parametrize("dtype", ["d", "f", ">f8"])
@pytest.mark.parametrize("case", SHARING)
@pytest.mark.parametrize("mode", ["raise", "call"])
def test_a_floating_point_error_leaves_what_numpy_leaves(mode: Literal["raise", "call"], case: str, dtype: str, workers: int) -> None:
    """A division by zero that raises leaves an overlapping ``out`` as it was, and one that is the input itself as computed."""
    numpys, ours = (np.where(np.arange(N_LONG) == 2222, 0, 3).astype(dtype) for _ in range(2))
    with np.errstate(all=mode, call=refuse):
        expected = outcome_in(numpys, case, np.divide, 1.0, dtype="d")
        actual = outcome_in(ours, case, chunked_map, np.divide, 1.0, dtype="d", chunk_size=1000, workers=workers)
    assert expected.error is not None
    assert_same_outcome(actual, expected)
    assert_same_bits(ours, numpys)


@each_team
@pytest.mark.parametrize("case", COPIED)
def test_a_failing_loop_leaves_what_numpy_leaves(case: str, workers: int) -> None:
    """A loop that raises in the middle of its work writes nothing back to an overlapping ``out``."""
    numpys, ours = (np.where(np.arange(N_LONG) == 2222, -1, 3) for _ in range(2))  # integers have no negative powers
    expected = outcome_in(numpys, case, np.power, 2)
    actual = outcome_in(ours, case, chunked_map, np.power, 2, chunk_size=1000, workers=workers)
    assert expected.error is not None
    assert_same_outcome(actual, expected)
    assert_same_bits(ours, numpys)


@each_team
def test_an_error_leaves_no_half_where_numpy_takes_no_copy(workers: int) -> None:
    """Towards the front NumPy works in place and leaves what it computed; chunks cannot, and leave ``out`` as it was."""
    memory = np.arange(-2222.0, N_LONG)
    before = memory.copy()
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        chunked_map(np.divide, 1.0, memory[1:], out=memory[:-1], chunk_size=1000, workers=workers)
    assert_same_bits(memory, before)
