"""What a pool tells of the calls that it was given, and of items."""

import asyncio
import itertools
import os
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import garbage
import pytest
from held import Held
from hypothesis import given
from hypothesis import strategies as st
from lightwork._core.pool import Core
from lightwork.tasks.promise import promise
from strategies import examples
from threads import together

import lightwork as lw
from lightwork._core.statistics import PoolStatistics
from lightwork.tasks.handle import Handle
from lightwork.testing import MockClock, no_backoff, serial

SECONDS = 30


@pytest.fixture
def pool() -> Iterator[lw.Pool]:
    """A pool of two workers."""
    with lw.Pool(2) as pool:
        yield pool


def calls_of(statistics: PoolStatistics) -> dict[str, int]:
    """Return the counts of calls."""
    names = ("submitted", "started", "finished", "failed", "cancelled", "waiting", "running")
    return {name: getattr(statistics, name) for name in names}


def difference(run: Callable[[], object], statistics: Callable[[], PoolStatistics] = lw.statistics) -> dict[str, int]:
    """Return by how much the counts of items grow."""
    before = statistics()
    run()
    after = statistics()
    return {name: getattr(after, name) - getattr(before, name) for name in ("items", "failed_items", "retried", "throttled")}


# --- Calls ------------------------------------------------------------------------------------------------------------


def test_a_new_pool_has_done_nothing(pool: lw.Pool) -> None:
    """All counts begin at zero."""
    statistics = pool.statistics()
    assert set(calls_of(statistics).values()) == {0}
    assert statistics.queue_seconds == statistics.run_seconds == statistics.busy_seconds == 0.0


def test_calls_are_counted_by_what_became_of_them(pool: lw.Pool) -> None:
    """Those that raise have ended as well, and are counted as failed besides."""
    lw.gather([pool.submit(int, text) for text in ("1", "x", "3", "y", "5")], return_exceptions=True)
    expected = {"submitted": 5, "started": 5, "finished": 5, "failed": 2, "cancelled": 0, "waiting": 0, "running": 0}
    assert calls_of(pool.statistics()) == expected


def test_what_runs_and_what_waits_is_told_apart(pool: lw.Pool) -> None:
    """Calls that nobody has begun wait, those that somebody makes run, and those that were cancelled do neither."""
    held = Held(pool, 2)
    handles = [pool.submit(int) for _ in range(5)]
    handles[1].add_done_callback(lambda _: None)  # those who are observed are cancelled in another way
    assert handles[0].cancel() and handles[1].cancel() and handles[0].cancel() and handles[1].cancel()
    expected = {"submitted": 7, "started": 2, "finished": 0, "failed": 0, "cancelled": 2, "waiting": 3, "running": 2}
    assert calls_of(pool.statistics()) == expected
    held.release()
    lw.gather(handles[2:])
    expected = {"submitted": 7, "started": 5, "finished": 5, "failed": 0, "cancelled": 2, "waiting": 0, "running": 0}
    assert calls_of(pool.statistics()) == expected


def test_who_has_the_outcome_finds_it_counted(pool: lw.Pool) -> None:
    """A result is not there before the count."""
    for number in range(1000):
        pool.submit(int).result(SECONDS)
        assert pool.statistics().finished == number + 1


def test_who_is_told_of_the_outcome_finds_it_counted() -> None:
    """A callback is not called before the count."""
    told: list[int] = []
    with lw.Pool(1) as pool:
        held = Held(pool, 1)
        pool.submit(int).add_done_callback(lambda _: told.append(pool.statistics().finished))
        held.release()
    assert told == [2]


def test_what_a_shutdown_cancels_is_counted() -> None:
    """Calls that it takes back are cancelled ones."""
    pool = lw.Pool(1)
    held = Held(pool, 1)
    handles = [pool.submit(int) for _ in range(10)]
    pool.shutdown(wait=False, cancel_futures=True)
    held.release()
    assert all(handle.cancelled() for handle in handles)
    expected = {"submitted": 11, "started": 1, "finished": 1, "failed": 0, "cancelled": 10, "waiting": 0, "running": 0}
    assert calls_of(pool.statistics()) == expected


def test_what_was_refused_was_not_submitted() -> None:
    """A pool that takes no more calls does not count them."""
    with lw.Pool(1) as pool:
        pool.submit(int).result(SECONDS)
    for _ in range(3):
        with pytest.raises(RuntimeError, match="shutdown"):
            pool.submit(int)
    garbage.collect()
    assert calls_of(pool.statistics())["submitted"] == 1


def test_a_call_that_nobody_hands_in_is_counted_out_when_it_is_forgotten() -> None:
    """So is one on which the interpreter gives up in between."""
    core = Core(1)
    waiting = promise(Handle, core, None, int, (), {})
    assert core.statistics().waiting == 1
    del waiting
    garbage.collect()
    assert core.statistics().submitted == 0
    core.close()


def test_a_call_that_its_waiter_makes_is_counted_once() -> None:
    """On one worker calls that wait for each other are begun by those who wait; queue and worker count none of them again."""
    with lw.Pool(1) as pool:

        def fibonacci(n: int) -> int:
            return n if n < 2 else sum(handle.result(SECONDS) for handle in [pool.submit(fibonacci, n - 1), pool.submit(fibonacci, n - 2)])

        assert pool.submit(fibonacci, 8).result(SECONDS) == 21
        statistics = pool.statistics()
    assert statistics.submitted == statistics.started == statistics.finished == 67
    assert statistics.waiting == 0


def test_seconds_add_up_to_those_of_the_handles(pool: lw.Pool) -> None:
    """What calls waited and what they took is what their handles tell."""
    held = Held(pool, 2)
    handles = [pool.submit(sum, range(1000)) for _ in range(20)]
    held.release()
    lw.gather(handles)
    everything: list[lw.Handle[Any]] = [*held.handles, *handles]
    statistics = pool.statistics()
    assert statistics.queue_seconds == pytest.approx(sum(handle.waited for handle in everything))
    assert statistics.run_seconds == pytest.approx(sum(handle.elapsed for handle in everything))


def test_calls_fail_that_no_initializer_let_begin() -> None:
    """They are begun by nobody else any more, and have raised."""
    with lw.Pool(1, initializer=int, initargs=("x",)) as pool:
        handle = pool.submit(int)
        assert "initializer failed" in str(handle.exception(SECONDS))
        expected = {"submitted": 1, "started": 1, "finished": 1, "failed": 1, "cancelled": 0, "waiting": 0, "running": 0}
        assert calls_of(pool.statistics()) == expected


@examples(30)
@given(st.integers(1, 40), st.integers(1, 3))
def test_nothing_is_counted_twice_or_not_at_all(n_calls: int, max_workers: int) -> None:
    """Where threads submit, cancel and make calls at the same time, each is either cancelled or begun, and ends once."""
    with lw.Pool(max_workers) as pool:

        def submit_and_cancel() -> int:
            handles = [pool.submit(int) for _ in range(n_calls)]
            together([lambda: [handle.cancel() for handle in handles[::2]]] * 2)
            lw.wait(handles)
            return sum(handle.cancelled() for handle in handles)

        n_cancelled = sum(together([submit_and_cancel] * 3))
        statistics = pool.statistics()
    assert statistics.submitted == 3 * n_calls
    assert statistics.cancelled == n_cancelled
    assert statistics.started == statistics.finished == 3 * n_calls - n_cancelled


def test_calls_can_be_cancelled_when_their_pool_is_gone() -> None:
    """They count with what is left of it, which goes with the last of them."""
    pool = lw.Pool(1)
    held, gone = Held(pool, 1), weakref.ref(pool)
    handles = [pool.submit(int) for _ in range(100)]
    finish = held.release
    del pool, held
    garbage.collect()
    assert gone() is None
    assert all(handle.cancel() for handle in handles)
    finish()


def test_a_forked_child_begins_at_zero(pool: lw.Pool) -> None:
    """The parent's calls are not among those of the child, also if they are cancelled there."""
    held = Held(pool, 2)
    handle = pool.submit(int)
    child = os.fork()
    if child == 0:
        handle.cancel()
        is_new = set(calls_of(pool.statistics()).values()) == {0}
        pool.submit(int).result(SECONDS)
        os._exit(5 if is_new and calls_of(pool.statistics())["finished"] == 1 and lw.statistics().submitted == 0 else 1)
    held.release()
    assert handle.result(SECONDS) == 0
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


# --- The default pools ------------------------------------------------------------------------------------------------


def test_submitted_calls_are_the_default_pools() -> None:
    """What `submit` hands in is told by `lw.statistics()`, with the threads that make it."""
    before = lw.statistics()
    lw.gather([lw.submit(int, text) for text in ("1", "x")], return_exceptions=True)
    after = lw.statistics()
    assert (after.submitted - before.submitted, after.finished - before.finished, after.failed - before.failed) == (2, 2, 1)
    assert calls_of(after) == calls_of(after.shared)
    assert after.shared.tasks > before.shared.tasks
    assert after.shared.n_threads >= 1


def test_calls_that_are_made_inline_are_counted() -> None:
    """Where everything runs in the calling thread, that thread has begun them."""
    before = lw.statistics()
    with serial():
        lw.submit(int)
    after = lw.statistics()
    assert (after.submitted - before.submitted, after.started - before.started, after.finished - before.finished) == (1, 1, 1)


# --- Items ------------------------------------------------------------------------------------------------------------


def reciprocal(number: int) -> float:
    """Fail for zero."""
    return 1 / number


OPTIONS: list[dict[str, Any]] = [{}, {"workers": 1}, {"retry": lw.Retry(1)}, {"executor": "serial"}, {"ordered": False, "chunk_size": 3}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_items_are_counted(options: dict[str, Any]) -> None:
    """By whatever way they are run, those that fail among them."""
    assert difference(lambda: lw.parallel_map(reciprocal, [4, 0, 2, 0, 1], **options)) == {
        "items": 5,
        "failed_items": 2,
        "retried": 0,
        "throttled": 0,
    }


def test_items_of_coroutines_are_counted() -> None:
    """Although an event loop runs them."""

    async def half(number: int) -> float:
        return number / 2

    def run() -> None:
        asyncio.run(collect())

    async def collect() -> None:
        await lw.async_parallel_map(half, range(7))

    assert difference(run)["items"] == 7


def test_items_are_counted_with_the_pool_that_runs_them(pool: lw.Pool) -> None:
    """Those of a pool of one's own are not the default pools'."""
    assert difference(lambda: difference_of_pool(pool))["items"] == 0


def difference_of_pool(pool: lw.Pool) -> None:
    """Map in a pool, which counts that."""
    assert difference(lambda: lw.parallel_map(reciprocal, [4, 0], executor=pool), pool.statistics)["failed_items"] == 1


def test_attempts_that_are_made_again_are_counted() -> None:
    """Not the first ones, and not those that never come."""
    with no_backoff():
        counted = difference(lambda: lw.parallel_map(reciprocal, [4, 0, 2], retry=lw.Retry(3)))
    assert counted == {"items": 3, "failed_items": 1, "retried": 2, "throttled": 0}


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 1, "chunk_size": 10}], ids=str)
def test_waits_for_a_limiter_are_counted(options: dict[str, Any]) -> None:
    """The first may start at once, and each of the others has to wait."""
    with MockClock(autojump=True):
        counted = difference(lambda: lw.parallel_map(abs, range(5), rate_limit=lw.RateLimit(1, "second"), **options))
    assert counted == {"items": 5, "failed_items": 0, "retried": 0, "throttled": 4}


def test_a_stream_is_counted_as_it_goes_on() -> None:
    """One that never ends is not forgotten until then."""
    before = lw.statistics().items
    stream = lw.parallel_iter(abs, itertools.count())
    assert any(lw.statistics().items >= before + 100 for _ in itertools.islice(stream, 20_000))
