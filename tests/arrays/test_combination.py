"""``map_reduce``: chunks in order, combined in a tree that is the same at any number of workers."""

import operator
import re
import threading
from typing import Any, cast

import numpy as np
import pytest
from bits import assert_same_bits, chunks_during
from chunking import told
from hypothesis import given
from hypothesis import strategies as st
from strategies import WORKERS, examples

import lightwork as lw


def text(part: Any) -> str:
    """Return a chunk's items as a text."""
    return "".join(f"{item} " for item in part)


def parenthesised(left: str, right: str) -> str:
    """Return a text that tells how it was combined."""
    return f"({left}{right})"


@examples(100)
@given(st.integers(1, 300), st.one_of(st.none(), st.integers(1, 310)), st.sampled_from(WORKERS))
def test_order_is_kept(n_items: int, chunk_size: int | None, workers: int) -> None:
    """A combine that is not commutative sees every chunk to the left of those after it."""
    result = lw.map_reduce(list, np.arange(n_items), combine=operator.add, chunk_size=chunk_size, workers=workers)
    assert result == list(range(n_items))


@examples(50)
@given(st.integers(1, 300), st.one_of(st.none(), st.integers(1, 310)))
def test_the_tree_depends_on_the_length_alone(n_items: int, chunk_size: int | None) -> None:
    """A combine that is not associative gives the same at any number of workers."""
    trees = {lw.map_reduce(text, np.arange(n_items), combine=parenthesised, chunk_size=chunk_size, workers=workers) for workers in WORKERS}
    assert len(trees) == 1


def test_neighbours_are_combined_level_by_level() -> None:
    """Five chunks: pairs first, the odd one last."""
    assert lw.map_reduce(text, np.arange(5), combine=parenthesised, chunk_size=1) == "(((0 1 )(2 3 ))4 )"


@pytest.mark.parametrize("workers", WORKERS)
def test_numbers_do_not_depend_on_workers(workers: int) -> None:
    """A sum of chunks' sums has the same bits at any number of workers."""
    array = np.random.default_rng(2).standard_normal((5000, 20))
    one = lw.map_reduce(np.sum, array, combine=operator.add, workers=1)
    assert_same_bits(lw.map_reduce(np.sum, array, combine=operator.add, workers=workers), one)


def test_several_arrays_and_any_axis() -> None:
    """Arrays are cut together along the axis; one of length 1 there, and a scalar, go whole to every chunk."""
    a, b, c = np.arange(12.0).reshape(2, 6), np.arange(6.0)[None], np.ones((2, 1))
    result = lw.map_reduce(lambda *parts: [part.shape for part in parts], a, b, c, 5, axis=1, combine=operator.add, chunk_size=4)
    assert result == [(2, 4), (1, 4), (2, 1), (), (2, 2), (1, 2), (2, 1), ()]


def test_initial_stands_before_all() -> None:
    """It is the leftmost, and the result where there are no items."""
    assert lw.map_reduce(list, np.arange(3), combine=operator.add, initial=["first"], chunk_size=1) == ["first", 0, 1, 2]
    assert lw.map_reduce(list, np.arange(0), combine=operator.add, initial=None) is None


def test_nothing_without_initial() -> None:
    """There is no result of nothing."""
    with pytest.raises(ValueError, match="give initial="):
        lw.map_reduce(list, np.arange(0), combine=operator.add)


def test_one_chunk_is_not_combined() -> None:
    """Its result is that of the function."""
    assert lw.map_reduce(len, np.arange(3), combine=operator.truediv, chunk_size=10) == 3


@pytest.mark.parametrize("workers", WORKERS)
def test_an_error_tells_its_chunk(workers: int) -> None:
    """The first error by chunk is raised, with a note of where it was."""

    def fail(part: Any) -> None:
        if part[0] >= 40:
            raise ArithmeticError("too much")

    with pytest.raises(ArithmeticError) as caught:
        lw.map_reduce(fail, np.arange(100), combine=lambda *_: None, chunk_size=20, workers=workers)
    assert re.search(r"in chunk \[(40, 60|60, 80|80, 100)\) of axis 0", told(caught.value))


def test_an_error_of_combine_tells_its_chunks() -> None:
    """What could not be combined is named by where it came from."""

    def combine(left: int, right: int) -> int:
        if right >= 8:
            raise ArithmeticError("too much")
        return left + right

    with pytest.raises(ArithmeticError) as caught:
        lw.map_reduce(lambda part: int(part[-1]), np.arange(10), combine=combine, chunk_size=2)
    assert "combining chunks of [0, 8) of axis 0" in told(caught.value)


@pytest.mark.parametrize("keywords", [{"chunk_size": 0}, {"workers": 0}, {"axis": 3}])
def test_mistakes_are_told(keywords: dict[str, Any]) -> None:
    """Numbers that are too small, and an axis that is not there."""
    with pytest.raises(ValueError, match=r"at least 1|out of bounds"):
        lw.map_reduce(len, np.arange(3), combine=operator.add, **keywords)


def test_no_arrays() -> None:
    """There has to be something to cut."""
    with pytest.raises(TypeError, match="at least one array"):
        lw.map_reduce(len, combine=operator.add)
    with pytest.raises(ValueError, match="nothing to cut"):
        lw.map_reduce(len, 3, combine=operator.add)
    with pytest.raises(TypeError, match=r"iterator cannot be cut: make a list .* or call parallel_map"):
        lw.map_reduce(len, cast("Any", iter([1, 2])), combine=operator.add)


def test_dear_chunks_are_shared() -> None:
    """Two chunks that wait for each other can both run."""
    meeting = threading.Barrier(2, timeout=60)

    def meet(part: Any) -> int:
        if part[0] in (1, 2):
            meeting.wait()
        else:
            threading.Event().wait(0.001)
        return len(part)

    assert lw.map_reduce(meet, np.arange(3), combine=operator.add, chunk_size=1, workers=2) == 3
    assert chunks_during(lw.map_reduce, np.sort, np.random.default_rng(0).random((64, 5000)), combine=np.maximum, workers=2) > 1


@pytest.mark.parametrize("name", ["chunk_size", "workers"])
def test_a_truth_is_no_count(name: str) -> None:
    """Counts are whole numbers."""
    with pytest.raises(TypeError, match=f"{name} must be a whole number, not True"):
        lw.map_reduce(np.sum, np.ones(3), combine=operator.add, **{name: True})


@pytest.mark.parametrize("given", [{"fn": None}, {"combine": None}, {"fn": 3}])
def test_what_cannot_be_called(given: dict[str, Any]) -> None:
    """It is refused before anything runs, by name."""
    fn, combine = given.get("fn", np.sum), given.get("combine", operator.add)
    with pytest.raises(TypeError, match=f"{next(iter(given))} must be a callable, as in .* not"):
        lw.map_reduce(fn, np.ones(3), combine=combine)
