"""A Python callable over chunks: it gets views along an axis, and what it returns is put together without a seam."""

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chunking import Witness
from hypothesis import given
from hypothesis import strategies as st
from strategies import WORKERS, Array, Operand, Tuning, examples, operands, tunings

import lightwork
from lightwork import chunked_map

each_team = pytest.mark.parametrize("workers", WORKERS)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_chunks_are_views(axis: int) -> None:
    """Each chunk is a slice of the array along the axis: the same memory and strides, nothing copied."""
    cube = np.arange(6.0 * 7 * 8).reshape(6, 7, 8)[:, ::-1]
    views: list[Array] = []

    def keep(view: Array) -> Array:
        views.append(view)
        return view

    chunked_map(keep, cube, axis=axis, chunk_size=2, workers=2)
    assert sum(view.shape[axis] for view in views) == cube.shape[axis]
    assert all(np.shares_memory(view, cube) and view.strides == cube.strides for view in views)


@examples(150)
@given(st.data(), st.lists(st.integers(0, 6), min_size=1, max_size=4).map(tuple), tunings())
def test_the_result_is_that_of_one_call(data: st.DataObject, shape: tuple[int, ...], tuning: Tuning) -> None:
    """Any layout, any axis, any chunks: the same values, dtype and shape as ``fn(array)``."""
    array = data.draw(operands(shape)).build()
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    result = chunked_map(np.isfinite, array, axis=axis, **tuning.keywords)
    mapped = chunked_map(lambda view: np.isfinite(view), array, axis=axis, **tuning.keywords)
    np.testing.assert_array_equal(mapped, np.isfinite(array), strict=True)
    np.testing.assert_array_equal(mapped, result, strict=True)


@each_team
@pytest.mark.parametrize("chunk_size", [1, 3, 32, 99, 100, 101, 10**9])
def test_every_item_is_given_once(chunk_size: int, workers: int) -> None:
    """Chunks have ``chunk_size`` items, the last one what is left, and none is given twice."""
    witness = Witness()
    result = chunked_map(witness, np.arange(100), chunk_size=chunk_size, workers=workers)
    assert witness.ranges == [(start, min(start + chunk_size, 100)) for start in range(0, 100, chunk_size)]
    np.testing.assert_array_equal(result, np.arange(100), strict=True)


@each_team
def test_chunks_of_the_librarys_choice_cover_the_axis(workers: int) -> None:
    """Without a ``chunk_size`` the chunks still follow each other without gap or overlap."""
    witness = Witness()
    chunked_map(witness, np.arange(100_000), workers=workers)
    starts, stops = zip(*witness.ranges, strict=True)
    assert (starts[0], stops[-1]) == (0, 100_000)
    assert starts[1:] == stops[:-1]


def test_chunks_are_counted() -> None:
    """The pool's statistics count each chunk of a callable."""
    before = lightwork.statistics().chunks
    chunked_map(np.copy, np.arange(100), chunk_size=10, workers=2)
    assert lightwork.statistics().chunks - before == 10


def test_one_worker_runs_in_the_calling_thread() -> None:
    """``workers=1`` calls from the caller's thread, front to back."""
    witness = Witness()
    chunked_map(witness, np.arange(100), chunk_size=7, workers=1)
    assert {chunk.thread for chunk in witness.chunks} == {threading.get_ident()}
    assert [chunk.start for chunk in witness.chunks] == list(range(0, 100, 7))


def test_two_workers_run_at_once() -> None:
    """With two workers two chunks are open at the same time, one of them in the caller."""
    meeting = threading.Barrier(2, timeout=30)
    witness = Witness(lambda view: np.full(1, meeting.wait()))
    chunked_map(witness, np.arange(2), out=np.empty(2, int), chunk_size=1, workers=2)
    threads = {chunk.thread for chunk in witness.chunks}
    assert len(threads) == 2 and threading.get_ident() in threads


SHAPES: dict[str, tuple[Callable[[Array], Any], int]] = {
    "an axis less": (lambda view: view.sum(axis=1), 0),
    "an axis more": (lambda view: np.stack([view, -view], axis=2), 0),
    "another width": (lambda view: view[:, :2], 0),
    "no width": (lambda view: view[:, :0], 0),
    "another height": (lambda view: view.max(axis=0, keepdims=True), 1),
    "another dtype": (lambda view: view > 30, 0),
    "strings": (lambda view: view.astype("U6"), 1),
    "a list": (lambda view: [row.tolist() for row in view], 0),
    "objects": (lambda view: view.astype(object), 0),
    "records": (lambda view: view[:, :2].copy().view("f8,f8")[:, 0], 0),
}


@each_team
@pytest.mark.parametrize("case", SHAPES)
def test_shape_and_dtype_follow_the_first_chunk(case: str, workers: int) -> None:
    """A chunk may come back with other axes and another dtype, as long as the axis keeps its length."""
    function, axis = SHAPES[case]
    matrix = np.arange(77.0).reshape(7, 11)
    result = chunked_map(function, matrix, axis=axis, chunk_size=2, workers=workers)
    np.testing.assert_array_equal(result, np.asarray(function(matrix)), strict=True)


@each_team
def test_several_arrays_are_cut_alike(workers: int) -> None:
    """Arrays of one length along the axis go hand in hand, whatever their other axes and dtypes."""
    rows, weights, names = np.arange(60.0).reshape(20, 3), np.arange(20, dtype="i2"), np.array(list("ab" * 10))

    def combine(rows: Array, weights: Array, names: Array) -> Array:
        return np.where(names == "a", rows.sum(axis=1) * weights, -1)

    result = chunked_map(combine, rows, weights, names, chunk_size=3, workers=workers)
    np.testing.assert_array_equal(result, combine(rows, weights, names), strict=True)


def test_length_one_is_broadcast() -> None:
    """An array of one item along the axis is given to each chunk whole, for the function to broadcast."""
    rows, offset = np.arange(60.0).reshape(20, 3), np.arange(3.0)[None, :]
    result = chunked_map(lambda view, one: view - one, rows, offset, chunk_size=3, workers=2)
    np.testing.assert_array_equal(result, rows - offset, strict=True)


@pytest.mark.parametrize("scalar", [3, 2.5, np.float32(0.5), np.array(4.0)], ids=repr)
def test_scalars_reach_every_chunk(scalar: Any) -> None:
    """What has no axis to cut along is given to each chunk whole."""
    numbers = np.arange(20.0)
    result = chunked_map(lambda view, factor: view * factor, numbers, scalar, chunk_size=3, workers=2)
    np.testing.assert_array_equal(result, numbers * scalar, strict=True)


def test_array_likes_are_made_arrays() -> None:
    """A list is cut like the array that it stands for."""
    result = chunked_map(lambda view: view * 2, [1, 2, 3, 4, 5], chunk_size=2, workers=2)
    np.testing.assert_array_equal(result, np.arange(2, 11, 2), strict=True)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@each_team
def test_an_empty_array_gives_what_the_function_gives(shape: tuple[int, ...], workers: int) -> None:
    """No item along the axis, or none across it: still the function's dtype and shape."""
    result = chunked_map(lambda view: view.astype("f4"), np.empty(shape, "i8"), workers=workers)
    np.testing.assert_array_equal(result, np.empty(shape, "f4"), strict=True)


def test_dtype_is_the_results_dtype() -> None:
    """``dtype=`` says what the chunks are stored as."""
    result = chunked_map(lambda view: view / 3, np.arange(50.0), dtype="f4", chunk_size=7, workers=2)
    np.testing.assert_array_equal(result, (np.arange(50.0) / 3).astype("f4"), strict=True)


@each_team
def test_the_result_is_new_memory(workers: int) -> None:
    """A function that returns its view does not make the result an alias of the input."""
    numbers = np.arange(50.0)
    for chunk_size in (7, 50, None):
        result = chunked_map(lambda view: view, numbers, chunk_size=chunk_size, workers=workers)
        assert not np.shares_memory(result, numbers)
        np.testing.assert_array_equal(result, numbers, strict=True)


def test_memory_maps_are_cut_like_arrays(tmp_path: Path) -> None:
    """Chunks of a file, read as they are needed, come back as a plain array, also when they are returned unchanged."""
    np.arange(1000.0).tofile(tmp_path / "data")
    mapped = np.memmap(tmp_path / "data", dtype="f8", mode="r")
    result = chunked_map(lambda view: view, mapped, chunk_size=100, workers=2)
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, np.arange(1000.0), strict=True)


def test_a_mask_is_not_lost_in_silence() -> None:
    """Chunks see the mask, and a masked result is refused: hidden values never turn into plain ones."""
    masked = np.ma.array(np.arange(20.0), mask=np.arange(20) % 3 == 0)
    with pytest.raises(TypeError, match="mask"):
        chunked_map(lambda view: view * 2, masked, chunk_size=3, workers=2)
    mask = chunked_map(np.ma.getmaskarray, masked, chunk_size=3, workers=2)
    np.testing.assert_array_equal(mask, masked.mask, strict=True)


class Doubler:
    """A callable object and a holder of methods."""

    def __call__(self, view: Array) -> Array:
        return view * 2

    def method(self, view: Array) -> Array:
        """Double."""
        return view * 2


CALLABLES: dict[str, Callable[..., Any]] = {
    "lambda": lambda view: view * 2,
    "partial": functools.partial(np.multiply, 2.0),
    "method": Doubler().method,
    "object": Doubler(),
    "array method": np.ndarray.__pos__,
    "numpy function": np.nan_to_num,
    "builtin": abs,
    "type": np.float64,
    "default argument": lambda view, factor=2: view * factor,
}


@pytest.mark.parametrize("case", CALLABLES)
def test_anything_callable_will_do(case: str) -> None:
    """Lambdas, partials, methods, objects, builtins and types are all called with the views."""
    numbers = np.arange(20.0)
    result = chunked_map(CALLABLES[case], numbers, chunk_size=3, workers=2)
    np.testing.assert_array_equal(result, CALLABLES[case](numbers), strict=True)


@examples(40)
@given(st.sampled_from(WORKERS), st.sampled_from(WORKERS), st.integers(1, 9))
def test_chunks_may_map_chunks(outer: int, inner: int, chunk_size: int) -> None:
    """A chunk that calls ``chunked_map`` again, with a callable and with a ufunc, three levels deep, gets its answer."""

    def row_by_row(view: Array) -> Any:
        return chunked_map(item_by_item, view, axis=1, chunk_size=chunk_size, workers=inner)

    def item_by_item(view: Array) -> Any:
        return chunked_map(np.sqrt, view, chunk_size=chunk_size, workers=inner)

    matrix = Operand("B", (12, 13)).build().astype(float)
    result = chunked_map(row_by_row, matrix, chunk_size=chunk_size, workers=outer)
    np.testing.assert_array_equal(result, np.sqrt(matrix), strict=True)
