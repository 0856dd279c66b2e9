"""A callable and ``out=``: chunks are written into the caller's array, by the callable itself if it can."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import WORKERS, Array

from lightwork import chunked_map

each_team = pytest.mark.parametrize("workers", WORKERS)


@each_team
def test_what_is_returned_is_copied_in(workers: int) -> None:
    """A callable that takes no ``out`` has its chunks copied into the caller's."""
    out = np.full(50, np.nan)
    assert chunked_map(lambda view: view * 2, np.arange(50), out=out, chunk_size=7, workers=workers) is out
    np.testing.assert_array_equal(out, np.arange(50.0) * 2, strict=True)


@each_team
def test_a_callable_that_takes_out_gets_its_part(workers: int) -> None:
    """It is given ``out=`` as a view of the caller's array, writes there, and need not return anything."""
    numbers, out = np.arange(50.0), np.full((50, 3), np.nan)[:, ::-1]
    parts: list[Array] = []

    def write(view: Array, out: Array) -> None:
        parts.append(out)
        out[...] = view[:, None]

    assert chunked_map(write, numbers, out=out, chunk_size=7, workers=workers) is out
    np.testing.assert_array_equal(out, np.repeat(numbers, 3).reshape(50, 3), strict=True)
    assert all(np.shares_memory(part, out) and part.strides == out.strides for part in parts)


def _keyword_only(view: Array, *, out: Array) -> None:
    np.multiply(view, 2, out=out)


def _optional(view: Array, out: Array | None = None) -> Array:
    return np.multiply(view, 2, out=out)


TAKING_OUT: dict[str, Callable[..., Any]] = {
    "keyword only": _keyword_only,
    "optional": _optional,
    "partial": functools.partial(np.clip, a_min=1.0, a_max=7.0),
    "numpy function": np.round,
}


@pytest.mark.parametrize("case", TAKING_OUT)
def test_out_is_taken_by_name(case: str) -> None:
    """Wherever ``out`` stands in the signature, it is passed by name, and what was there is overwritten."""
    numbers, expected, out = np.arange(20.0) / 3, np.empty(20), np.full(20, np.nan)
    TAKING_OUT[case](numbers, out=expected)
    assert chunked_map(TAKING_OUT[case], numbers, out=out, chunk_size=3, workers=2) is out
    np.testing.assert_array_equal(out, expected, strict=True)


def test_out_is_not_passed_unasked() -> None:
    """Without ``out=`` a callable that could take one is called without it."""
    result = chunked_map(_optional, np.arange(20.0), chunk_size=3, workers=2)
    np.testing.assert_array_equal(result, np.arange(20.0) * 2, strict=True)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_out_is_cut_along_the_same_axis(axis: int) -> None:
    """The parts of ``out`` lie where the parts of the inputs lie."""
    matrix = np.arange(77.0).reshape(7, 11)
    out = np.zeros((7, 11), order="F")
    chunked_map(_optional, matrix, out=out, axis=axis, chunk_size=2, workers=2)
    np.testing.assert_array_equal(out, matrix * 2, strict=True)


@each_team
def test_out_may_be_the_input(workers: int) -> None:
    """In place: each chunk is read and written where it stands."""
    numbers = np.arange(50.0)
    assert chunked_map(lambda view: view + 1, numbers, out=numbers, chunk_size=7, workers=workers) is numbers
    np.testing.assert_array_equal(numbers, np.arange(1.0, 51.0), strict=True)


def test_out_may_have_other_axes() -> None:
    """Only the length along the axis is held to that of the inputs."""
    out = np.zeros((20, 2))
    chunked_map(lambda view: np.stack([view, view**2], axis=1), np.arange(20.0), out=out, chunk_size=3, workers=2)
    np.testing.assert_array_equal(out, np.stack([np.arange(20.0), np.arange(20.0) ** 2], axis=1), strict=True)
