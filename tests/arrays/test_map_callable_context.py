"""What a chunk sees of its caller: context variables, NumPy's error state, and threads that can be told apart."""

import contextvars
import threading
from typing import Any

import numpy as np
import pytest
from chunking import Witness, told
from strategies import WORKERS, Array

from lightwork import chunked_map

each_team = pytest.mark.parametrize("workers", WORKERS)
tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


@each_team
def test_context_variables_of_the_caller_are_visible(workers: int) -> None:
    """Each chunk reads the value that the caller has set, not the one of the thread it runs in."""
    for name in ("ann", "bob"):
        token = tenant.set(name)
        seen = chunked_map(lambda view: np.full(len(view), tenant.get()), np.arange(50), chunk_size=5, workers=workers)
        tenant.reset(token)
        assert set(seen.tolist()) == {name}


@each_team
def test_what_a_chunk_sets_stays_in_it(workers: int) -> None:
    """A context variable set inside a chunk changes neither the caller's value nor that of a later call."""

    def leave_a_mark(view: Array) -> Array:
        tenant.set("mark")
        return view

    chunked_map(leave_a_mark, np.arange(50), chunk_size=5, workers=workers)
    assert tenant.get() == "nobody"
    seen = chunked_map(lambda view: np.full(len(view), tenant.get()), np.arange(50), chunk_size=5, workers=workers)
    assert set(seen.tolist()) == {"nobody"}


@each_team
@pytest.mark.parametrize("chunk_size", [None, 5])
def test_a_chunk_sees_nothing_that_another_has_set(workers: int, chunk_size: int | None) -> None:
    """Every chunk begins with the caller's values, whoever ran which before it: nothing depends on how chunks are handed out."""

    def read_then_mark(view: Array) -> Array:
        seen = tenant.get()
        tenant.set("mark")
        return np.full(len(view), seen)

    seen = chunked_map(read_then_mark, np.arange(50), chunk_size=chunk_size, workers=workers)
    assert set(seen.tolist()) == {"nobody"}


@each_team
def test_errstate_of_the_caller_holds_inside(workers: int) -> None:
    """``np.errstate`` around the call is what every chunk computes under."""
    with np.errstate(divide="ignore", over="raise"):
        expected = np.geterr()
        seen = chunked_map(lambda view: np.array([np.geterr()] * len(view)), np.arange(50), chunk_size=5, workers=workers)
    assert seen.tolist() == [expected] * 50


@each_team
def test_a_floating_point_error_inside_names_its_chunk(workers: int) -> None:
    """Under ``raise``, NumPy's FloatingPointError arrives with the range of its chunk."""
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="^divide by zero") as caught:
        chunked_map(lambda view: 1.0 / (view - 57), np.arange(100), chunk_size=10, workers=workers)
    assert "[50, 60)" in told(caught.value)


def test_workers_are_named_threads() -> None:
    """Chunks run in the caller's thread or in one called ``lightwork-<k>`` that does not hold up exit."""
    meeting = threading.Barrier(3, timeout=30)
    seen: list[threading.Thread] = []

    def meet(view: Array) -> Array:
        seen.append(threading.current_thread())
        meeting.wait()
        return view

    chunked_map(meet, np.arange(3), out=np.empty(3, int), chunk_size=1, workers=3)
    others = [thread for thread in seen if thread is not threading.current_thread()]
    assert len(seen) == 3 and len(others) == 2
    assert all(thread.name.startswith("lightwork-") and thread.daemon for thread in others)


@pytest.mark.usefixtures("eager_switching")
def test_many_threads_may_call_at_once() -> None:
    """Each of eight callers gets its own answer and sees its own context, ufuncs and callables mixed."""
    start, answers = threading.Barrier(8, timeout=30), {}

    def call(number: int) -> None:
        tenant.set(str(number))
        start.wait()
        own = chunked_map(lambda view: view + int(tenant.get()), np.arange(500), chunk_size=10, workers=3)
        roots = chunked_map(np.sqrt, np.arange(5000.0) + number, chunk_size=100, workers=3)
        answers[number] = own, roots

    threads = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number in range(8):
        np.testing.assert_array_equal(answers[number][0], np.arange(500) + number, strict=True)
        np.testing.assert_array_equal(answers[number][1], np.sqrt(np.arange(5000.0) + number), strict=True)


def test_a_chunk_may_call_from_a_thread_of_its_own() -> None:
    """A thread started inside a chunk can use the library while that chunk waits for it."""

    def from_a_thread(view: Array) -> Any:
        result: list[Any] = []
        thread = threading.Thread(target=lambda: result.append(chunked_map(np.copy, view, chunk_size=3, workers=2)))
        thread.start()
        thread.join(30)
        return result[0]

    witness = Witness(from_a_thread)
    np.testing.assert_array_equal(chunked_map(witness, np.arange(100), chunk_size=10, workers=2), np.arange(100), strict=True)
