"""Errors of a callable: the first one stops the call, says in which chunk it happened, and harms nothing else."""

import re
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import garbage
import numpy as np
import pytest
from chunking import Witness, told
from strategies import WORKERS, Array

from lightwork import chunked_map

each_team = pytest.mark.parametrize("workers", WORKERS)


class Broken(Exception):
    """What the functions here raise."""


def _fail_at(item: int, error: BaseException) -> Callable[[Array], Array]:
    """A function that raises in the chunk that holds ``item``."""

    def fail(view: Array) -> Array:
        if view[0] <= item <= view[-1]:
            raise error
        return view

    return fail


@each_team
@pytest.mark.parametrize(("item", "note"), [
    (0, "in chunk [0, 10) of axis 0"),
    (57, "in chunk [50, 60) of axis 0"),
    (103, "in chunk [100, 105) of axis 0"),
])  # fmt: skip
def test_an_error_names_its_chunk(item: int, note: str, workers: int) -> None:
    """The callable's own error arrives, the same object, with one note: the range of indices it happened in."""
    error = Broken("as it was")
    with pytest.raises(Broken) as caught:
        chunked_map(_fail_at(item, error), np.arange(105), chunk_size=10, workers=workers)
    assert caught.value is error
    assert error.args == ("as it was",)
    assert error.__notes__ == [note]


def test_the_note_names_the_axis() -> None:
    """Along another axis the note says so."""
    with pytest.raises(ZeroDivisionError) as caught:
        chunked_map(lambda view: 1 // 0, np.ones((3, 8)), axis=1, chunk_size=8, workers=2)
    assert caught.value.__notes__ == ["in chunk [0, 8) of axis 1"]


def test_an_error_without_a_chunk_size_has_its_note_too() -> None:
    """However the library cut the call, the range is named."""
    with pytest.raises(Broken) as caught:
        chunked_map(_fail_at(5, Broken()), np.arange(20))
    found = re.search(r"in chunk \[(\d+), (\d+)\) of axis 0", told(caught.value))
    assert found and int(found[1]) <= 5 < int(found[2])


@each_team
def test_the_traceback_leads_to_the_callable(workers: int) -> None:
    """The line that raised is the innermost one of the traceback, also when another thread ran it."""
    with pytest.raises(Broken) as caught:
        chunked_map(_fail_at(57, Broken()), np.arange(100), chunk_size=10, workers=workers)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fail"


def test_the_lowest_chunk_wins() -> None:
    """Two chunks fail, the later one first: the error of the earlier one is raised."""
    both_run, second_raises = threading.Barrier(2, timeout=30), threading.Event()

    def fail(view: Array) -> Array:
        both_run.wait()
        if view[0] == 0:
            assert second_raises.wait(30)
            raise Broken("first")
        second_raises.set()
        raise Broken("second")

    for _ in range(50):
        second_raises.clear()
        with pytest.raises(Broken, match=r"^first\b"):
            chunked_map(fail, np.arange(2), out=np.empty(2, int), chunk_size=1, workers=2)


def test_no_chunk_starts_after_an_error() -> None:
    """In one thread, the chunks behind the failed one are never called."""
    witness = Witness(_fail_at(35, Broken()))
    with pytest.raises(Broken):
        chunked_map(witness, np.arange(100), chunk_size=10, workers=1)
    assert witness.ranges == [(0, 10), (10, 20), (20, 30), (30, 40)]


@pytest.fixture
def reluctant_switching() -> Iterator[None]:
    """Let no thread take the GIL from another that has not given it up."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(100)
    yield
    sys.setswitchinterval(interval)


def test_other_workers_stop_at_an_error(reluctant_switching: None) -> None:
    """The other workers finish the chunk at hand, and leave thousands undone."""
    failing, witness_calls = threading.Event(), []

    def fail_first(view: Array) -> Array:
        if view[0] == 0:
            failing.set()
            raise Broken
        assert failing.wait(30)
        witness_calls.append(1)
        return view

    with pytest.raises(Broken):
        chunked_map(fail_first, np.arange(20_000), chunk_size=1, workers=3)
    assert len(witness_calls) < 1000


@each_team
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, StopIteration])
def test_errors_of_every_kind_arrive(kind: type[BaseException], workers: int) -> None:
    """An interrupt or an exit raised inside a chunk is raised by the call, once, and the next call works."""
    with pytest.raises(kind) as caught:
        chunked_map(_fail_at(57, kind("why")), np.arange(100), chunk_size=10, workers=workers)
    assert caught.value.args == ("why",)
    np.testing.assert_array_equal(chunked_map(np.copy, np.arange(100), chunk_size=10, workers=workers), np.arange(100))


def test_nested_errors_name_each_level() -> None:
    """The error of a chunk within a chunk carries both ranges, the inner one first."""

    def inner(view: Array) -> Any:
        return chunked_map(_fail_at(57, Broken()), view, chunk_size=2, workers=2)

    with pytest.raises(Broken) as caught:
        chunked_map(inner, np.arange(100), chunk_size=50, workers=2)
    assert caught.value.__notes__ == ["in chunk [6, 8) of axis 0", "in chunk [50, 100) of axis 0"]


def _odd_one_out(change: Callable[[Array], Any]) -> Callable[[Array], Any]:
    """A function whose chunk from 20 on is changed."""
    return lambda view: change(view) if view[0] == 20 else view


CHANGES: dict[str, tuple[Callable[[Array], Any], type[Exception]]] = {
    "too short": (lambda view: view[1:], ValueError),
    "too long": (lambda view: np.append(view, 1), ValueError),
    "an axis more": (lambda view: view[:, None], ValueError),
    "an axis less": (lambda view: view.sum(), ValueError),
    "another dtype": (lambda view: view.astype(complex), TypeError),
    "nothing": (lambda view: None, TypeError),
}


@each_team
@pytest.mark.parametrize("case", CHANGES)
def test_a_chunk_unlike_the_first_is_named(case: str, workers: int) -> None:
    """A later chunk of another shape or dtype is refused with its range."""
    change, kind = CHANGES[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        chunked_map(_odd_one_out(change), np.arange(40), chunk_size=10, workers=workers)
    assert isinstance(caught.value, kind)
    assert "[20, 30)" in told(caught.value)
    assert any(advice in told(caught.value) for advice in ("give dtype=", "must keep", "must return", "let it return")), told(caught.value)


def test_the_first_chunk_decides_also_when_it_is_late(reluctant_switching: None) -> None:
    """The second chunk differs from the first, and is done before it: still the second one is named."""
    both_run, second_returns = threading.Barrier(2, timeout=30), threading.Event()

    def differ(view: Array) -> Array:
        both_run.wait()
        if view[0] == 0:
            assert second_returns.wait(30)
            return view
        second_returns.set()
        return view.astype(complex)

    for _ in range(20):
        second_returns.clear()
        with pytest.raises(TypeError) as caught:
            chunked_map(differ, np.arange(2), chunk_size=1, workers=2)
        assert "[1, 2)" in told(caught.value)


@each_team
def test_an_error_that_takes_no_notes(workers: int) -> None:
    """An error whose notes are something of its own is raised as it is."""
    error = Broken("of its own")
    error.__notes__ = "no list"  # type: ignore[assignment]
    with pytest.raises(Broken, match="of its own") as caught:
        chunked_map(_fail_at(57, error), np.arange(100), chunk_size=10, workers=workers)
    assert caught.value is error


@each_team
def test_nothing_is_kept_after_the_call(workers: int) -> None:
    """Function, array, result and error live no longer than the caller holds them, whether the call failed or not."""

    def leave_only_references(function: Callable[[Array], Any]) -> list[weakref.ref[Any]]:
        witness, numbers = Witness(function), np.arange(100)
        try:
            last: Any = chunked_map(witness, numbers, chunk_size=10, workers=workers)
        except Broken as error:
            last = error
        return [weakref.ref(witness), weakref.ref(numbers), weakref.ref(last)]

    left = leave_only_references(np.copy) + leave_only_references(_fail_at(57, Broken()))
    for _ in range(10):  # free-threaded, a traceback, its frames and what they held go one after the other
        garbage.collect()
    assert [reference() is None for reference in left] == [True] * 6
