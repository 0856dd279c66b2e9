"""Misuse raises before anything runs, and says what to do instead."""

import ctypes
import ctypes.util
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from chunking import told

from lightwork import chunked_map


class Counted:
    """A callable that must not be called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *views: Any, **keywords: Any) -> Any:
        """Count, and return the first view."""
        self.calls += 1
        return views[0]


def _c_function() -> Any:
    function = ctypes.CDLL(ctypes.util.find_library("m"))["cos"]
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
    return function


FUNCTIONS: dict[str, Callable[[], Any]] = {"ufunc": lambda: np.sqrt, "C function": _c_function, "callable": Counted}
each_kind = pytest.mark.parametrize("kind", FUNCTIONS)


def refused(kind: str, *arrays: Any, **keywords: Any) -> BaseException:
    """The error of a call that must not run anything."""
    function = FUNCTIONS[kind]()
    with pytest.raises((TypeError, ValueError)) as caught:
        chunked_map(function, *arrays, **keywords)
    assert not isinstance(function, Counted) or function.calls == 0, "it ran"
    assert not hasattr(caught.value, "__notes__"), "it failed in a chunk"
    return caught.value


@each_kind
def test_no_arrays(kind: str) -> None:
    """A function alone has nothing to work on: the error shows a call that has."""
    error = refused(kind)
    assert isinstance(error, TypeError)
    assert "chunked_map(" in str(error) and "array" in str(error)


@each_kind
@pytest.mark.parametrize("name", ["chunk_size", "workers"])
@pytest.mark.parametrize("number", [0, -1, -(10**30)])
def test_counts_below_one(kind: str, name: str, number: int) -> None:
    """A size or a number of workers is at least 1; the error names the argument, its value, and the way out."""
    error = refused(kind, np.ones(9), **{name: number})
    assert isinstance(error, ValueError)
    assert all(word in str(error) for word in (name, str(number), "at least 1", "leave it out"))


@each_kind
@pytest.mark.parametrize("name", ["chunk_size", "workers"])
@pytest.mark.parametrize("value", [1.5, 2.0, "2", True, False, [2], np.float64(2), np.True_, np.array([2])], ids=repr)
def test_counts_that_are_no_whole_numbers(kind: str, name: str, value: Any) -> None:
    """Neither floats, nor booleans, nor text: the error names the argument and what it got."""
    error = refused(kind, np.ones(9), **{name: value})
    assert isinstance(error, TypeError)
    assert name in str(error) and repr(value) in str(error)


@each_kind
@pytest.mark.parametrize("number", [np.int64(3), np.uint8(3), 3, 10**9, 2**62, 10**30])
def test_any_whole_number_will_do(kind: str, number: Any) -> None:
    """NumPy's integers count as numbers, and a chunk larger than the array is the array."""
    chunked_map(FUNCTIONS[kind](), np.ones(9), chunk_size=number, workers=2)
    chunked_map(FUNCTIONS[kind](), np.ones(9), chunk_size=number, workers=np.int8(2))


@each_kind
def test_more_workers_than_anyone_has(kind: str) -> None:
    """More workers than chunks is no error, and no thread is started for the rest."""
    before = threading.active_count()
    chunked_map(FUNCTIONS[kind](), np.ones(4), chunk_size=2, workers=10**6)
    assert threading.active_count() <= before + 2


@each_kind
@pytest.mark.parametrize("axis", [2, -3, 100])
def test_an_axis_that_is_not_there(kind: str, axis: int) -> None:
    """NumPy's AxisError names the axis and the dimensions there are."""
    error = refused(kind, np.ones((3, 4)), axis=axis)
    assert isinstance(error, np.exceptions.AxisError)
    assert str(axis) in str(error) and "2" in str(error)


@each_kind
@pytest.mark.parametrize("axis", [0.0, 0.5, "0", None, (0, 1)], ids=repr)
def test_an_axis_that_is_no_number(kind: str, axis: Any) -> None:
    """One axis is cut, and it has a number: the error names the argument and what it got."""
    error = refused(kind, np.ones((3, 4)), axis=axis)
    assert isinstance(error, TypeError)
    assert "axis must be" in str(error) and repr(axis) in str(error)


@pytest.mark.parametrize("function", [None, 3, "sqrt", [np.sqrt], np.ones(3)], ids=repr)
def test_what_cannot_be_called(function: Any) -> None:
    """The error lists what can be."""
    with pytest.raises(TypeError, match="ufunc.*callable"):
        chunked_map(function, np.ones(3))


def test_shapes_that_do_not_fit() -> None:
    """Arrays of different lengths along the axis: the error shows the shapes and says what to do."""
    error = refused("callable", np.ones((4, 3)), np.ones((5, 3)))
    assert all(word in str(error) for word in ("(4, 3)", "(5, 3)", "axis 0"))
    refused("callable", np.ones((4, 3)), np.ones((4, 5)), axis=1)


def test_an_array_without_the_axis() -> None:
    """A vector beside a matrix has no axis 1 to cut."""
    assert "(3,)" in str(refused("callable", np.ones((4, 3)), np.ones(3), axis=1))


def test_nothing_to_cut() -> None:
    """Numbers alone have no axis: the error says to call the function."""
    assert "call" in str(refused("callable", 1.0))
    assert "call" in str(refused("callable", np.array(3.0), 2))


@pytest.mark.parametrize("given", [1, 3])
def test_a_ufunc_gets_as_many_arrays_as_it_takes(given: int) -> None:
    """Too few is an error, and too many is not an ``out`` in disguise, as it is to NumPy."""
    arrays = [np.ones(9) for _ in range(given)]
    with pytest.raises(TypeError, match=rf"add takes 2 arrays, not {given}.*out="):
        chunked_map(np.add, *arrays)
    assert all(np.array_equal(array, np.ones(9)) for array in arrays)


def _read_only(shape: tuple[int, ...]) -> Any:
    out = np.ones(shape)
    out.flags.writeable = False
    return out


OUTS: dict[str, tuple[Any, type[Exception], str]] = {
    "too long": (np.ones(10), ValueError, "10"),
    "too short": (np.ones(8), ValueError, "8"),
    "no axis": (np.ones(()), ValueError, "axis 0"),
    "read-only": (_read_only((9,)), ValueError, "read-only"),
    "a list": ([0.0] * 9, TypeError, "list"),
    "a tuple": ((np.ones(9),), TypeError, "tuple"),
    "a number": (1.0, TypeError, "float"),
}


@pytest.mark.parametrize("case", OUTS)
def test_an_out_that_chunks_cannot_be_written_to(case: str) -> None:
    """For a callable, everything about ``out`` that can be known is refused before its first chunk."""
    out, kind, word = OUTS[case]
    error = refused("callable", np.ones(9), out=out)
    assert isinstance(error, kind)
    assert word in str(error)


@pytest.mark.parametrize("strides", [(0,), (4,)])
def test_an_out_whose_items_are_one(strides: tuple[int]) -> None:
    """Chunks would write over each other's results in an `out` that overlaps itself."""
    out = np.lib.stride_tricks.as_strided(np.zeros(1000), (100,), strides)
    with pytest.raises(ValueError, match="items that share memory"):
        chunked_map(lambda part: part + 1, np.arange(100.0), out=out)


def test_an_out_that_chunks_would_read() -> None:
    """An ``out`` that lies askew over an input is refused: one chunk would read what another wrote."""
    numbers = np.arange(10.0)
    for out, source in ((numbers[1:], numbers[:-1]), (numbers[::-1], numbers), (numbers[::2], numbers[:5])):
        assert "copy" in str(refused("callable", source, out=out))
    np.testing.assert_array_equal(numbers, np.arange(10.0))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_result_of_the_wrong_length(workers: int) -> None:
    """A callable that does not keep its chunk's length is told which chunk, what it returned and what was expected."""
    with pytest.raises(ValueError, match=r"\(3,\)") as caught:
        chunked_map(lambda view: view[1:], np.arange(20), chunk_size=4, workers=workers)
    assert "[0, 4)" in told(caught.value) and "4 along axis 0" in told(caught.value)


def test_a_result_that_out_cannot_hold() -> None:
    """A chunk of another shape or of a kind that would lose its meaning is refused, with its range."""
    for function in (lambda view: view[:, None], lambda view: view * 1j, lambda view: view.astype("U3")):
        with pytest.raises((TypeError, ValueError)) as caught:
            chunked_map(function, np.arange(9.0), out=np.zeros(9), chunk_size=4, workers=1)
        assert "[0, 4)" in told(caught.value)


@pytest.mark.parametrize("name", ["where", "casting", "order", "subok", "signature", "out_", "n_workers"])
def test_an_unknown_keyword(name: str) -> None:
    """Only its own keywords are taken: the rest of a ufunc's are not dropped in silence."""
    keywords: dict[str, Any] = {name: None}
    with pytest.raises(TypeError, match=name):
        chunked_map(np.sqrt, np.ones(9), **keywords)
