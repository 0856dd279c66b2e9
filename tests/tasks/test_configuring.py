"""What an application configures holds for the calls of the libraries that it uses."""

import asyncio
import operator
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

import lightwork as lw
from lightwork import _config
from lightwork._config import Settings, settings
from lightwork.testing import MockClock, no_backoff


@pytest.fixture(autouse=True)
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin with nothing configured, and leave nothing behind."""
    monkeypatch.setattr(_config, "_process", _config.Process((), Settings()))
    yield
    assert _config._scope.get() is None


class Unreliable:
    """A function that fails the first time it meets an item."""

    def __init__(self) -> None:
        self.met: set[int] = set()

    def __call__(self, item: int) -> int:
        """Return the item, the second time."""
        if item not in self.met:
            self.met.add(item)
            raise OSError(item)
        return item


class Spy(ThreadPoolExecutor):
    """An executor that counts what it is asked for."""

    n_calls = 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Count, and do it."""
        self.n_calls += 1
        return super().submit(*args, **kwargs)


def thread_of(_: object) -> int:
    """Return who runs this."""
    return threading.get_ident()


# --- What calls get -------------------------------------------------------------------------------------------------


def test_a_library_that_says_nothing_is_steered() -> None:
    """A retry that is configured holds for a call that names none, in a block and as a statement."""
    retry = lw.Retry(2, backoff=0.0)
    with lw.configure(retry=retry):
        assert list(lw.parallel_map(Unreliable(), [1, 2, 3])) == [1, 2, 3]
    assert len(lw.parallel_map(Unreliable(), [1, 2, 3]).failures()) == 3
    lw.configure(retry=retry)
    assert list(lw.parallel_map(Unreliable(), [1, 2, 3])) == [1, 2, 3]


def test_what_a_call_says_counts_none_included() -> None:
    """An option that is given wins over what is configured, and so does an explicit None."""
    with lw.configure(retry=lw.Retry(5, backoff=0.0), max_errors=1):
        assert len(lw.parallel_map(Unreliable(), [1], retry=lw.Retry(1)).failures()) == 1
        result = lw.parallel_map(Unreliable(), [1, 2], retry=None, max_errors=None, workers=1)
    assert [type(error) for _, error in result.failures()] == [OSError, OSError]


def test_every_front_door_hears_of_it() -> None:
    """Streams, tasks, stages, decorated functions and async calls all take what is configured."""

    async def unreliable(item: int, fn: Unreliable) -> int:
        return fn(item)

    async def all_async() -> list[int]:
        fn = Unreliable()
        return list(await lw.async_parallel_map(lambda item: unreliable(item, fn), [1]))

    with lw.configure(retry=lw.Retry(2, backoff=0.0)):
        assert [result.value for result in lw.parallel_iter(Unreliable(), [1])] == [1]
        assert list(lw.run_tasks([lw.Task(Unreliable(), (1,))])) == [1]
        assert list(lw.map_stages([1], Unreliable(), Unreliable())) == [1]
        assert list(lw.parallel(Unreliable()).map([1])) == [1]
        assert asyncio.run(all_async()) == [1]


def test_a_decorated_function_s_own_options_count() -> None:
    """What @parallel says is said by the call."""
    with lw.configure(retry=lw.Retry(3, backoff=0.0)):
        assert len(lw.parallel(retry=None)(Unreliable()).map([1]).failures()) == 1


def test_items_run_where_it_is_configured() -> None:
    """An executor, the calling thread or a number of workers; async calls have no use for the first."""

    async def here(item: int) -> int:
        await asyncio.sleep(0)
        return item

    with lw.configure(executor="serial"):
        assert set(lw.parallel_map(thread_of, range(5))) == {threading.get_ident()}
    with lw.configure(workers=1):
        assert set(lw.parallel_map(thread_of, range(5))) == {threading.get_ident()}
    with Spy(2) as spy, lw.configure(executor=spy):
        assert threading.get_ident() not in set(lw.parallel_map(thread_of, range(5)))
        n_calls = spy.n_calls
        assert n_calls > 0
        assert list(lw.parallel_map(thread_of, [1], executor="serial")) == [threading.get_ident()]
        assert list(lw.parallel_map(str, [1], executor=None)) == list(lw.parallel(executor=spy)(str).map([1], executor=None)) == ["1"]
        assert asyncio.run(lw.async_parallel_map(here, [1])).values() == [1]
        assert spy.n_calls == n_calls


def test_a_decorated_function_is_sent_by_its_name_to_a_configured_executor() -> None:
    """What is pickled for other processes is what has its name there."""
    seen: list[Any] = []

    class Sending(Spy):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            seen.extend(args[1:2])
            return Executor.submit(self, *args, **kwargs) if not args else super().submit(*args, **kwargs)

    shout = lw.parallel(str.upper)
    with Sending(1) as executor, lw.configure(executor=executor):
        assert list(shout.map(["a"])) == ["A"]
        assert shout._sendable({}) is shout
    assert shout._sendable({}) is str.upper
    assert seen


def test_an_executor_that_is_named_brings_its_own_number_of_workers() -> None:
    """A number of workers that is configured is not meant for the executor that a call names."""
    most = peak = 0
    lock = threading.Lock()
    both = threading.Barrier(2)

    def meet(_: int) -> None:
        nonlocal most, peak
        with lock:
            most += 1
            peak = max(peak, most)
        both.wait(60)
        with lock:
            most -= 1

    with lw.Pool(2) as pool, lw.configure(workers=1):
        lw.parallel_map(meet, range(2), executor=pool)
    assert peak == 2


def test_a_window_that_is_configured_holds_back_the_source() -> None:
    """The source of a stream is read no further; batch_size in a call is another word for its own window."""

    def n_taken(**options: Any) -> int:
        source = iter(range(100))
        results = lw.parallel_iter(str, source, **options)
        next(results)
        return 100 - operator.length_hint(source)

    with lw.configure(window=3):
        assert n_taken() <= 3
        assert n_taken(batch_size=1) == 1


def test_a_rate_limit_that_is_configured_is_shared_by_all_calls() -> None:
    """Two calls in one block start together as often as one might."""
    with MockClock(autojump=True) as clock, lw.configure(rate_limit=lw.RateLimit(1, "second")):
        lw.parallel_map(str, range(3), workers=1)
        lw.parallel_map(str, range(3), workers=1)
        assert clock.now() == pytest.approx(5.0)


def test_stages_without_a_limit_have_the_configured_one() -> None:
    """A limit of its own counts for a stage; in the call a rate_limit stays refused."""
    with MockClock(autojump=True) as clock, lw.configure(rate_limit=lw.RateLimit(1, "second"), workers=1):
        lw.map_stages(range(3), str, lw.Stage(str, rate_limit=1000))
        assert clock.now() == pytest.approx(2.0, abs=0.1)
        with pytest.raises(TypeError, match=re.escape("pass Stage(fn, rate_limit=...)")):
            lw.map_stages(range(3), str, rate_limit=1)


def test_a_stop_token_that_is_configured_ends_calls() -> None:
    """An application stops what it did not write."""
    token = lw.StopToken()
    token.stop("enough")
    with lw.configure(stop=token):
        assert lw.parallel_map(str, range(5)).status is lw.RunStatus.CANCELLED
        assert lw.parallel_map(str, range(5), stop=None).status is lw.RunStatus.COMPLETED


def test_times_that_are_configured_hold() -> None:
    """A timeout ends the run, and a task_timeout an attempt, on any front door."""
    gate = threading.Event()
    try:
        with lw.configure(timeout=timedelta(milliseconds=1)):
            assert lw.parallel_map(lambda _: gate.wait(60), [1], workers=2).status is lw.RunStatus.TIMED_OUT
        with lw.configure(task_timeout=0.001):
            ((_, error),) = lw.parallel_map(lambda _: gate.wait(60), [1], workers=2).failures()
            assert isinstance(error, lw.TimedOut)
    finally:
        gate.set()


def test_items_and_tasks_see_the_block_that_they_were_begun_in() -> None:
    """Calls within items, within tasks of pools and within submitted calls are steered, too."""

    def seen(_: object = None) -> Any:
        return settings().max_errors

    with lw.Pool(1) as pool:
        with lw.configure(max_errors=7):
            handles = [pool.submit(seen), lw.parallel(seen).submit()]
            results = [lw.parallel_map(seen, range(3)), lw.parallel_map(seen, iter(range(3)), retry=lw.Retry(2))]
            assert [result.value for result in lw.parallel_iter(seen, [1])] == [7]
        assert [handle.result(60) for handle in handles] == [7, 7]
        assert [set(result) for result in results] == [{7}, {7}]
        assert pool.submit(seen).result(60) is None


def test_blocks_add_up() -> None:
    """An inner block changes what it names, and None in it returns to what holds at first."""
    with no_backoff(), lw.configure(retry=lw.Retry(2), window=9), lw.configure(window=4) as inside:
        assert (inside.retry, inside.window) == (lw.Retry(2), 4)
        with lw.configure(retry=None, executor=None, progress=None) as innermost:
            assert (innermost.retry, innermost.executor, innermost.progress, innermost.window) == (None, "thread", False, 4)


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "error", "message"),
    [
        ({"no_such_setting": 2}, TypeError, "configure() knows no no_such_setting; it sets workers, executor, window, retry"),
        ({"errors": "raise"}, TypeError, "configure() knows no errors"),
        ({"retry": 3}, TypeError, "retry must be a Retry, such as Retry(attempts=3), or None, not 3"),
        ({"rate_limit": -1}, ValueError, "rate_limit must be a positive number per second"),
        ({"timeout": -1}, ValueError, "timeout must be finite and at least 0 seconds"),
        ({"task_timeout": "1"}, TypeError, "task_timeout must be a number"),
        ({"window": 0}, ValueError, "window must be at least 1"),
        ({"max_errors": 1.5}, TypeError, "max_errors must be an int"),
        ({"executor": "fiber"}, ValueError, "must be one of 'thread', 'serial', 'process', 'auto', 'interpreter', not 'fiber'"),
        ({"stop": True}, TypeError, "stop must be a StopToken"),
        ({"progress": "yes"}, TypeError, "progress must be True or False"),
        ({"workers": 2, "window": 0}, ValueError, "window must be at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(wishes: dict[str, Any], error: type[Exception], message: str) -> None:
    """The error names the setting and says what it takes, and nothing has changed."""
    with pytest.raises(error, match=re.escape(message)):
        lw.configure(**wishes)
    assert settings() == Settings()
