"""The decorator, tasks and pipelines: other doors to the same run."""

import functools
import pickle
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import neg
from typing import Any

import numpy as np
import pytest

import lightwork as lw

SECONDS = 30


@lw.parallel(workers=2, retry=lw.Retry(3, backoff=0.0))
def inverse(x: float) -> float:
    """Return one by x."""
    return 1 / x


@lw.parallel
def add(x: int, y: int = 0) -> int:
    """Return the sum."""
    return x + y


class Scale:
    """Something with methods."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    @lw.parallel(workers=2)
    def times(self, x: int) -> int:
        """Return a multiple."""
        return self.factor * x

    @staticmethod
    @lw.parallel
    def double(x: int) -> int:
        """Return the double."""
        return 2 * x

    @lw.parallel
    @staticmethod
    def triple(x: int) -> int:
        """Return three times x."""
        return 3 * x

    @classmethod
    @lw.parallel
    def name(cls, x: int) -> str:
        """Return the class's name, and x."""
        return f"{cls.__name__}{x}"

    @lw.parallel
    @classmethod
    def title(cls, x: int) -> str:
        """Return the class's name in capitals, and x."""
        return f"{cls.__name__.upper()}{x}"


def test_a_decorated_function_is_called_as_ever() -> None:
    """It keeps its name and its docstring, and runs here."""
    assert (add(1, y=2), add.__name__, add.__doc__) == (3, "add", "Return the sum.")
    assert lw.parallel(threading.get_ident)() == threading.get_ident()


def test_its_methods_run_over_items() -> None:
    """All of them, and by one's own wishes."""
    assert list(add.map([1, 2])) == [1, 2]
    assert list(add.starmap([(1, 2), (3, 4)])) == [3, 7]
    assert sorted(result.value or 0 for result in add.stream([1, 2])) == [1, 2]
    assert add.submit(1, y=2).result(SECONDS) == 3


def test_what_a_call_says_counts_none_included() -> None:
    """Otherwise what the decorator says."""
    assert inverse.map([0]).item_results()[0].attempts == 3
    assert inverse.map([0], retry=None).item_results()[0].attempts == 1
    assert inverse.map([0], retry=lw.Retry(2, backoff=0.0)).item_results()[0].attempts == 2


def test_methods_are_methods() -> None:
    """Bound to their object, or to nothing."""
    scale = Scale(5)
    assert (scale.times(2), list(scale.times.map([1, 2]))) == (10, [5, 10])
    assert (scale.double(2), list(Scale.double.map([1]))) == (4, [2])
    assert (scale.triple(2), list(Scale.triple.map([1]))) == (6, [3])
    assert scale.name(2) == "Scale2"
    if sys.version_info < (3, 13):  # from then on a class method does not ask what it wraps how to be bound
        assert list(Scale.name.map([1])) == ["Scale1"]
    assert (scale.title(2), list(Scale.title.map([1]))) == ("SCALE2", ["SCALE1"])


def test_a_decorated_function_is_pickled_by_its_name() -> None:
    """So that other processes find it."""
    assert pickle.loads(pickle.dumps(add)) is add


def test_wrong_options_are_said_at_once() -> None:
    """When the function is decorated."""
    with pytest.raises(ValueError, match="workers"):
        lw.parallel(workers=0)
    with pytest.raises(TypeError, match="function"):
        lw.parallel(3)  # type: ignore[call-overload]


def test_tasks_are_calls_of_different_functions() -> None:
    """With keywords, in order or not, with exceptions in their places if that is wanted."""
    tasks: list[Any] = [lw.Task(add, (1,), {"y": 2}), lw.Task(add, {"x": 3, "y": 4}), functools.partial(int, "7"), lw.Task(inverse, (0,))]
    outcomes = lw.run_tasks(tasks, return_exceptions=True)
    assert (outcomes[:3], type(outcomes[3])) == ([3, 7, 7], ZeroDivisionError)
    assert sorted(lw.run_tasks(tasks[:3], ordered=False)) == [3, 7, 7]
    streamed = {index: outcome for index, outcome in lw.iter_tasks(tasks, workers=2)}  # noqa: C416 - each unpacks into two
    assert [streamed[i] for i in range(3)] == [3, 7, 7]


def test_tasks_have_seeds_of_their_own() -> None:
    """As items have, by the keyword that they take."""

    def draw(name: str, rng: np.random.SeedSequence) -> tuple[str, object]:
        return name, rng.spawn_key

    assert list(lw.run_tasks([lw.Task(draw, ("a",)), lw.Task(draw, {"name": "b"})], rng=1)) == [("a", (0,)), ("b", (1,))]


@pytest.mark.parametrize("arguments", [(1,), (neg, 1), (neg, (1,), (2,)), (neg, {"x": 1}, {"y": 1})])
def test_wrong_tasks_are_refused(arguments: tuple[object, ...]) -> None:
    """Before they run."""
    with pytest.raises(TypeError):
        lw.Task(*arguments)  # type: ignore[arg-type]


def test_items_pass_stages_without_waiting_for_each_other() -> None:
    """The first item is through before the last one began."""
    order: list[tuple[str, int]] = []

    def first(item: int) -> int:
        order.append(("first", item))
        return item

    def second(item: int) -> int:
        order.append(("second", item))
        return -item

    assert list(lw.map_stages(range(50), first, second, workers=1, window=4)) == [-i for i in range(50)]
    assert order.index(("second", 0)) < order.index(("first", 49))


def test_stages_have_policies_of_their_own() -> None:
    """Attempts count for each anew, workers for each alone; who fails in one is out."""
    calls: list[str] = []
    busy = threading.Semaphore(1)

    def fails_once(item: str) -> str:
        calls.append(item)
        if calls.count(item) == 1:
            raise ConnectionError
        return item

    def alone(item: str) -> int:
        assert busy.acquire(blocking=False)
        try:
            return int(item)
        finally:
            busy.release()

    result = lw.map_stages(["1", "x", "3"], lw.Stage(fails_once, retry=lw.Retry(2, backoff=0.0)), lw.Stage(alone, workers=1), neg, workers=4)
    assert result.successes() == [(0, -1), (2, -3)]
    assert [index for index, _ in result.failures()] == [1]
    assert {item.value for item in lw.iter_stages(["1", "2"], int, neg)} == {-1, -2}


def test_wrong_stages_are_refused() -> None:
    """No stage, no function, or a limit that is nobody's."""
    with pytest.raises(TypeError, match="at least one"):
        lw.map_stages([1])
    with pytest.raises(TypeError, match="function, not 1; the items come first"):
        lw.map_stages([1], 1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="Stage"):
        lw.map_stages([1], neg, rate_limit=1)


@pytest.mark.parametrize("kind", [lw.Pool, ThreadPoolExecutor])
def test_a_run_whose_executor_is_shut_down_ends(kind: type[ThreadPoolExecutor]) -> None:
    """What it has there is cancelled before it began; the run says so instead of waiting for it."""
    gate, executor = threading.Event(), kind(1)
    executor.submit(gate.wait, SECONDS)
    with ThreadPoolExecutor(1) as caller:
        run = caller.submit(
            lw.parallel_map, abs, submitting(range(10), lambda: executor.shutdown(wait=False, cancel_futures=True)), executor=executor
        )
        try:
            with pytest.raises(RuntimeError, match="shut down"):
                run.result(SECONDS)
        finally:
            gate.set()


def submitting(items: Iterable[int], then: Callable[[], object]) -> Iterator[int]:
    """Yield items, and do something when the first of them has been handed in."""
    for item in items:
        if item == 1:
            then()
        yield item
