"""The package's own exceptions."""

import inspect
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lightwork
from lightwork import LightworkError, Stopped, _errors

ERRORS = [getattr(_errors, name) for name in _errors.__all__]


@pytest.mark.parametrize("error", ERRORS)
def test_one_clause_catches_them_all(error: type[Exception]) -> None:
    """Every exception of ours is a LightworkError, and none is a built-in one by another name."""
    assert issubclass(error, LightworkError)
    assert error.__module__ == "lightwork._errors"


@pytest.mark.parametrize("error", ERRORS)
def test_each_is_found_at_the_top_and_says_what_it_means(error: type[Exception]) -> None:
    """A user who meets one can name it, and read what it is for."""
    assert getattr(lightwork, error.__name__) is error
    assert inspect.cleandoc(error.__doc__ or "").endswith(".")


@pytest.mark.parametrize("error", ERRORS)
def test_they_travel_between_processes(error: type[Exception]) -> None:
    """An exception of ours is pickled with its message and its notes."""
    original = error("what to do")
    original.add_note("in chunk [0, 4) of axis 0")
    copy = pickle.loads(pickle.dumps(original))
    assert (type(copy), copy.args, copy.__notes__) == (error, original.args, original.__notes__)


def nested_in_a_failing_call(failing: int) -> Callable[[Any], Any]:
    """Return a function of chunks of one item: the chunk `failing` fails as soon as the other is in a call of its own."""
    is_nested = threading.Event()

    def note(inner: Any) -> Any:
        is_nested.set()
        return inner

    def chunk(index: Any) -> Any:
        if index[0] == failing:
            assert is_nested.wait(60)
            raise ZeroDivisionError
        return lightwork.chunked_map(note, np.zeros(100_000_000, np.uint8), chunk_size=1)[:1]

    return chunk


@pytest.mark.parametrize("failing", [0, 1])
def test_a_nested_call_is_given_up_with_the_one_around_it(failing: int) -> None:
    """A call inside a chunk raises Stopped when another chunk failed, whose error is the one that the outer call raises."""
    stopped: list[Stopped] = []
    chunk = nested_in_a_failing_call(failing)

    def outer(index: Any) -> Any:
        try:
            return chunk(index)
        except Stopped as error:
            stopped.append(error)
            raise

    with pytest.raises(ZeroDivisionError):
        lightwork.chunked_map(outer, np.arange(2), chunk_size=1, workers=2)
    assert [str(error) for error in stopped] == ["the parallel call around this one was stopped"]
