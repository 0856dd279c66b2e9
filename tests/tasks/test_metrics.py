"""Metrics: how functions do, wherever they are called."""

import asyncio
import functools
import itertools
import os
import pickle
import re
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from threads import together

import lightwork as lw
from lightwork.testing import MockClock

SECONDS = 30


def work(seconds: float, clock: MockClock) -> None:
    """Take some time by a clock, and fail if that is negative."""
    clock.advance(abs(seconds))
    if seconds < 0:
        raise OSError(seconds)


@given(st.lists(st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6), min_size=1, max_size=200))
def test_calls_are_counted_and_timed(times: list[float]) -> None:
    """Total, failures, mean and quantiles are those of all calls, the quantiles to 2.5 %."""
    metrics = lw.Metrics()
    with MockClock() as clock:
        lw.parallel_starmap(work, [(seconds, clock) for seconds in times], metrics=metrics, executor="serial")
    seen, durations = metrics.of(work), sorted(map(abs, times))
    assert (seen.total, seen.failed) == (len(times), sum(seconds < 0 for seconds in times))
    assert seen.mean == pytest.approx(sum(durations) / len(durations), rel=1e-6)
    for share, seconds in seen.quantiles.items():
        index = next(i for i in range(len(times)) if i + 1 >= share * len(times))
        assert seconds == pytest.approx(durations[index], rel=0.026, abs=1e-9)


def test_the_slowest_five_are_kept_with_their_arguments() -> None:
    """The slowest first, cut short, those that failed included."""
    metrics = lw.Metrics()
    with MockClock() as clock:

        def take(seconds: float, text: str, *, scale: int = 1) -> None:
            work(seconds * scale, clock)

        calls = [lw.Task(functools.partial(take, scale=2), (float(n % 10), "x" * 1000)) for n in range(10)]
        for call in calls:
            with lw.configure(metrics=metrics):
                lw.submit(call.fn, *call.args).result(SECONDS)
    slowest = metrics.of(take).slowest
    assert [call.seconds for call in slowest] == [18.0, 16.0, 14.0, 12.0, 10.0]
    assert slowest[0].arguments.startswith("9.0, 'xxxx")
    assert max(len(call.arguments) for call in slowest) < 150


def test_all_doors_measure() -> None:
    """Maps of all kinds, streams, stages, async functions and submitted calls count by function; attempts count, too."""
    metrics = lw.Metrics()
    failures = itertools.chain([True], itertools.repeat(False))

    def first(item: int) -> int:
        return item

    def second(item: int) -> int:
        if next(failures):
            raise OSError
        return item

    async def third(item: int) -> int:
        await asyncio.sleep(0)
        return item

    with lw.configure(metrics=metrics):
        assert lw.parallel_map(first, [1, 2], workers=1).values() == [1, 2]
        assert [result.value for result in lw.parallel_iter(first, [1])] == [1]
        assert lw.map_stages([1, 2], first, lw.Stage(second, retry=lw.Retry(2, backoff=0.0))).values() == [1, 2]
        assert asyncio.run(lw.async_parallel_map(third, [1, 2, 3])).values() == [1, 2, 3]
        assert lw.submit(first, 1).result(SECONDS) == 1
        lw.parallel_map(first, [1], metrics=None)
    assert [metrics.of(fn).total for fn in (first, second, third)] == [6, 3, 3]
    assert metrics.of(second).failed == 1
    assert sorted(name.rpartition(".")[2] for name in metrics.functions()) == ["first", "second", "third"]


def test_what_was_never_called_has_no_mean() -> None:
    """Nothing is known, and asking for it is no error."""
    unknown = lw.Metrics().of(len)
    assert (unknown.total, unknown.slowest, dict(unknown.quantiles)) == (0, (), {})
    assert unknown.mean != unknown.mean


def test_a_repr_that_fails_harms_nobody() -> None:
    """Arguments that cannot be shown are told by their type."""

    class Shy:
        def __repr__(self) -> str:
            raise OSError

    metrics = lw.Metrics()
    assert len(lw.parallel_map(type, [Shy()], metrics=metrics)) == 1
    assert metrics.of(type).slowest[0].arguments.startswith("<Shy instance")


def test_pickled_it_is_the_function_alone() -> None:
    """Other processes call the function, and measure nothing."""
    timed = lw.Metrics().timed(len)
    assert pickle.loads(pickle.dumps(timed)) is len


@pytest.mark.usefixtures("eager_switching")
def test_many_threads_may_be_measured_at_once() -> None:
    """No call is lost, and snapshots hang together all the while."""
    metrics = lw.Metrics()

    def call() -> int:
        return sum(lw.parallel_map(abs, range(1, 501), workers=2, metrics=metrics)) and 0

    def look() -> int:
        for _ in range(100):
            seen = metrics.of(abs)
            assert seen.total >= len(seen.slowest)
        return 0

    together([call, call, look])
    assert metrics.of(abs).total == 1000


def test_a_forked_child_measures_on() -> None:
    """Though another thread held the lock."""
    metrics = lw.Metrics()
    is_over = threading.Event()

    def hammer() -> None:
        timed = metrics.timed(abs)
        while not is_over.is_set():
            timed(-1)

    thread = threading.Thread(target=hammer)
    thread.start()
    for _ in range(20):
        child = os.fork()
        if child == 0:
            metrics.timed(len)([])
            os._exit(metrics.of(len).total)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    is_over.set()
    thread.join(SECONDS)


def test_what_does_not_measure_is_refused() -> None:
    """The error says what would."""
    wrong: Any = True
    with pytest.raises(TypeError, match=re.escape("metrics must be a Metrics(), or None, not True")):
        lw.parallel_map(abs, [1], metrics=wrong)


@pytest.mark.parametrize("name", ["Pool.submit", "Pool.map", "lw.submit"])
def test_calls_of_pools_are_measured_where_that_is_configured(name: str) -> None:
    """As those over items are, and their handles have the function's name."""
    with lw.Pool(1) as pool, lw.configure(metrics=lw.Metrics()) as settings:
        if name == "Pool.map":
            assert list(pool.map(pow, [2], [3])) == [8]
        else:
            handle = pool.submit(pow, 2, 3) if name == "Pool.submit" else lw.submit(pow, 2, 3)
            assert handle.result(SECONDS) == 8
            assert handle.name == "pow"
    assert settings.metrics.of(pow).total == 1


@pytest.mark.parametrize(("fn", "name"), [(str.upper, "builtins.str.upper"), ([].append, "builtins.list.append"), (os.getcwd, "posix.getcwd")])
def test_methods_in_c_have_names_too(fn: Any, name: str) -> None:
    """They are told apart by class, though they do not say from which module they are."""
    metrics = lw.Metrics()
    lw.parallel_map(fn, ["x"], metrics=metrics)
    assert list(metrics.functions()) == [name]
