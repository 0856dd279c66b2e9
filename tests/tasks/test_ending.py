"""shutdown(): the threads that all calls share are let go, and come back when they are wanted."""

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest
from held import Held
from lightwork.tasks.errand import count_errands
from threads import provoked, together

import lightwork as lw
from lightwork._core import items

SECONDS = 30


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Begin and end without threads of the default pools."""
    assert lw.shutdown(SECONDS)
    yield
    assert lw.shutdown(SECONDS)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What calls wait for, which is set in the end."""
    event = threading.Event()
    yield event
    event.set()


def n_threads() -> int:
    """Count the threads of both default pools."""
    return lw.statistics().n_threads + items.statistics().n_threads


def use_everything() -> None:
    """Have threads of both default pools do something."""
    x = np.arange(1_000_000.0)
    np.testing.assert_array_equal(lw.chunked_map(np.sqrt, x, workers=3), np.sqrt(x))
    assert list(lw.parallel_map(abs, iter(range(-100, 0)), workers=3, retry=lw.Retry(2))) == list(range(100, 0, -1))
    assert lw.submit(int, "5").result(SECONDS) == 5


def test_where_nothing_runs_there_is_nothing_to_end() -> None:
    """It starts no threads to end them."""
    assert lw.shutdown()
    assert n_threads() == 0


def test_threads_end_and_come_back() -> None:
    """Again and again; and they are really gone, not only told to go."""
    for _ in range(10):
        use_everything()
        assert n_threads() > 0
        assert lw.shutdown(SECONDS)
        assert n_threads() == 0
        assert not [thread for thread in threading.enumerate() if thread.name in {f"lightwork-{index}" for index in range(1, 100)}]


def test_who_is_leaving_is_followed_by_whom_he_starts() -> None:
    """A thread that was asked to end starts others for what it submits before; nobody has asked for these since, so they do not stay."""
    seen = threading.Event()

    def leave() -> bool:
        lw.shutdown()  # which asks this thread, too, and waits for nobody here
        lw.submit(seen.set)
        return seen.wait(SECONDS)

    assert lw.submit(leave).result(SECONDS)
    assert provoked(lambda: n_threads() == 0, seconds=10)


def test_threads_hear_of_it_while_they_look_for_work() -> None:
    """None falls asleep over it."""
    for _ in range(300):
        assert lw.submit(int).result(SECONDS) == 0
        assert lw.shutdown(SECONDS)


def test_what_was_submitted_is_finished_first() -> None:
    """Calls that wait for their turn included."""
    with lw.configure(workers=2):
        handles = [lw.submit(time.sleep, 0.001) for _ in range(20)]
    assert lw.shutdown(SECONDS)
    assert all(handle.done() for handle in handles)


def test_who_is_busy_is_told_of_and_goes_later(gate: threading.Event) -> None:
    """False says that a thread has not ended in time; it does once it can, and calls are made all the while."""
    handle = lw.submit(gate.wait, SECONDS)
    assert not lw.shutdown(0)
    assert not lw.shutdown(timeout=-1)
    assert lw.submit(int, "5").result(SECONDS) == 5
    gate.set()
    assert handle.result(SECONDS)
    assert lw.shutdown(SECONDS)
    assert n_threads() == 0


def test_what_has_not_begun_can_be_cancelled(gate: threading.Event) -> None:
    """What has begun is not, and there is room for other calls after that."""
    begun = threading.Event()

    def hold() -> bool:
        begun.set()
        return gate.wait(SECONDS)

    with lw.configure(workers=1):
        first = lw.submit(hold)
        assert begun.wait(SECONDS)
        others = [lw.submit(int) for _ in range(5)]
        assert not lw.shutdown(0, cancel_pending=True)
    assert [handle.cancelled() for handle in others] == [True] * 5
    assert not first.done()
    assert count_errands() == 1
    gate.set()
    assert first.result(SECONDS)


def test_a_callback_that_exits_keeps_no_call_from_being_cancelled(gate: threading.Event) -> None:
    """All are cancelled, and then the exit goes on."""

    def leave(_: object) -> None:
        raise SystemExit(3)

    with lw.configure(workers=1):
        first = lw.submit(gate.wait, SECONDS)
        assert provoked(first.running)
        others = [lw.submit(int) for _ in range(5)]
        others[0].add_done_callback(leave)
        with pytest.raises(SystemExit):
            lw.shutdown(0, cancel_pending=True)
    gate.set()
    assert first.result(SECONDS)
    assert all(handle.cancelled() for handle in others)


def is_interrupted(call: Callable[[], object], moment: int) -> bool:
    """
    Make a call, and press Ctrl-C at one of the moments between two lines; False if it was over by then.

    Only lines of ours and of futures count: before 3.13 a thread whose join is interrupted is taken for dead, and in a callback of a weak reference
    nothing comes of it.
    """
    n_left = moment

    def trace(frame: FrameType, *_: object) -> Any:
        nonlocal n_left
        n_left -= frame.f_globals["__name__"].startswith(("lightwork.", "concurrent.futures."))
        if n_left == 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


def test_an_interrupt_anywhere_in_a_pool_s_shutdown_loses_no_call() -> None:
    """Each call that was taken back is cancelled, or the next shutdown finds it where it was."""
    is_early, moments = True, itertools.count(1)
    while is_early:
        pool = lw.Pool(1)
        held = Held(pool, 1)
        handles = [pool.submit(int) for _ in range(3)]
        handles[1].add_done_callback(id)
        is_early = is_interrupted(lambda pool=pool: pool.shutdown(wait=False, cancel_futures=True), next(moments))  # type: ignore[misc]
        pool.shutdown(wait=False, cancel_futures=True)
        held.release()
        assert all(handle.cancelled() for handle in handles)


def stay(started: threading.Event, gate: threading.Event) -> None:
    """Hold a worker."""
    started.set()
    assert gate.wait(SECONDS)


def test_an_interrupt_anywhere_in_the_shutdown_loses_no_call() -> None:
    """Nor is one lost of the threads that all share."""
    is_early, moments = True, itertools.count(1)
    while is_early:
        assert lw.shutdown(SECONDS)
        started, gate = threading.Event(), threading.Event()
        with lw.configure(workers=1):
            held = lw.submit(stay, started, gate)
            assert started.wait(SECONDS)
            handles = [lw.submit(int) for _ in range(3)]
            handles[1].add_done_callback(id)
        is_early = is_interrupted(lambda: lw.shutdown(0, cancel_pending=True), next(moments))
        lw.shutdown(0, cancel_pending=True)
        gate.set()
        held.result(SECONDS)
        assert all(handle.cancelled() for handle in handles)


def test_runs_under_way_are_not_harmed(gate: threading.Event) -> None:
    """A run over items whose workers are asked for, cancelled or not, comes to its end."""
    begun = threading.Event()

    def items_of_a_run() -> Iterator[int]:
        for index in range(100):
            if index == 50:
                begun.set()
                gate.wait(SECONDS)
            yield index

    def run() -> list[int]:
        return list(lw.parallel_map(abs, items_of_a_run(), workers=4, window=8, retry=lw.Retry(2)))

    def end() -> bool:
        assert begun.wait(SECONDS)
        lw.shutdown(0, cancel_pending=True)
        gate.set()
        return lw.shutdown(SECONDS)

    assert together([run, end]) == [list(range(100)), True]


def test_a_worker_does_not_wait_for_itself() -> None:
    """In a submitted call, an item, a chunk and a task of a pool it returns at once, and the others end."""

    def end(_: object = None) -> bool:
        return lw.shutdown()

    assert lw.submit(end).result(SECONDS) is False
    assert False in list(lw.parallel_map(end, range(4), workers=2))
    seen: list[bool] = []

    def chunk(values: np.ndarray) -> np.ndarray:
        seen.append(lw.shutdown())
        return values

    lw.chunked_map(chunk, np.arange(1000), chunk_size=10, workers=3)
    assert len(seen) == 100
    with lw.Pool(1) as pool:
        assert pool.submit(end).result(SECONDS) in {True, False}
    assert lw.shutdown(SECONDS)


def test_a_callback_of_a_run_does_not_wait_either() -> None:
    """The calling thread is in the middle of the run, which may need it."""
    seen: list[bool] = []

    def end(_: object) -> None:
        seen.append(lw.shutdown())

    assert len(lw.parallel_map(abs, range(20), workers=2, on_result=end)) == 20
    assert len(seen) == 20


@pytest.mark.usefixtures("eager_switching")
def test_calls_and_shutdowns_at_the_same_time_lose_nothing() -> None:
    """Threads that leave while tasks come in leave none of them lying."""

    def call() -> int:
        return sum(lw.gather([lw.submit(int, "1") for _ in range(5)])[0] for _ in range(100))

    def nest() -> int:
        with lw.configure(workers=1):
            return sum(lw.submit(lambda: lw.submit(int, "1").result(SECONDS)).result(SECONDS) for _ in range(100))

    def end() -> int:
        return sum(lw.shutdown(SECONDS) for _ in range(100))

    assert together([call, nest, end, end]) == [100, 100, 100, 100]


def test_a_forked_child_has_nothing_to_end() -> None:
    """The parent's threads are not its own, and it has those that it starts."""
    use_everything()
    child = os.fork()
    if child == 0:
        before = lw.shutdown()
        use_everything()
        os._exit(0 if before and lw.shutdown(SECONDS) and n_threads() == 0 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_times_are_checked() -> None:
    """Before anything is ended or cancelled."""
    with pytest.raises(TypeError, match="timeout must be a number, not '1'"):
        lw.shutdown("1")  # type: ignore[arg-type]
