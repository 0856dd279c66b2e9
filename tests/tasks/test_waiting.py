"""Waiting in a worker for calls of its own pool: never in vain, never with other work on its stack, and with somebody in its place."""

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, as_completed, wait
from typing import Any

import garbage
import pytest

import lightwork as lw

SECONDS = 30

Waiting = Callable[[list["lw.Handle[Any]"]], list[Any]]


def after(_: object, handle: "lw.Handle[Any]") -> Any:
    """Return a result that was waited for."""
    return handle.result(0)


WAYS: dict[str, Waiting] = {
    "result": lambda handles: [handle.result() for handle in handles],
    "result, last first": lambda handles: [handle.result() for handle in reversed(handles)][::-1],
    "exception": lambda handles: [after(handle.exception(), handle) for handle in handles],
    "wait": lambda handles: [after(wait(handles), handle) for handle in handles],
    "wait for one": lambda handles: [after(wait([handle], None, FIRST_COMPLETED), handle) for handle in handles],
    "wait for an error": lambda handles: [after(wait(handles, None, FIRST_EXCEPTION), handle) for handle in handles],
    "wait for some time": lambda handles: [after(wait(handles, SECONDS), handle) for handle in handles],
    "as_completed": lambda handles: sorted(handle.result(0) for handle in as_completed(handles)),
    "as_completed for some time": lambda handles: sorted(handle.result(0) for handle in as_completed(handles, SECONDS)),
    "lw.gather": lw.gather,
    "lw.wait": lambda handles: [after(lw.wait(handles), handle) for handle in handles],
    "lw.as_completed": lambda handles: sorted(handle.result(0) for handle in lw.as_completed(handles)),
}


@pytest.fixture
def single() -> Iterator[lw.Pool]:
    """A pool of one worker."""
    with lw.Pool(1) as pool:
        yield pool


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("max_workers", [1, 2])
def test_calls_may_wait_for_calls_in_every_way(way: str, max_workers: int) -> None:
    """Three levels of them, on one worker too."""
    with lw.Pool(max_workers) as pool:

        def spread(depth: int) -> int:
            return 1 if depth == 0 else sum(WAYS[way]([pool.submit(spread, depth - 1) for _ in range(3)]))

        assert pool.submit(spread, 3).result(SECONDS) == 27


@pytest.mark.parametrize("buffersize", [None, 2])
def test_a_map_in_a_worker(single: lw.Pool, buffersize: int | None) -> None:
    """Its calls are made by the one who reads it."""

    def total() -> int:
        return sum(single.map(abs, range(-10, 0), buffersize=buffersize))

    assert single.submit(total).result(SECONDS) == 55


@pytest.mark.parametrize("way", WAYS)
def test_a_lock_held_while_waiting(single: lw.Pool, way: str) -> None:
    """Is met by the calls that are waited for, or by none."""
    lock = threading.Lock()
    met: list[bool] = []

    def bystander() -> None:
        met.append(lock.locked())

    def hold() -> None:
        with lock:
            single.submit(bystander)
            WAYS[way]([single.submit(int) for _ in range(3)])

    single.submit(hold).result(SECONDS)
    single.submit(int).result(SECONDS)
    assert met == [False]


@pytest.mark.parametrize("way", WAYS)
def test_a_chain_as_long_as_the_stack(single: lw.Pool, way: str) -> None:
    """Is a RecursionError in the one that was too much, which comes back through all others; the pool works on."""

    def descend(depth: int) -> int:
        return 0 if depth == 0 else 1 + WAYS[way]([single.submit(descend, depth - 1)])[0]

    assert isinstance(single.submit(descend, 2_000).exception(SECONDS), RecursionError)
    assert single.submit(descend, 20).result(SECONDS) == 20


@pytest.mark.parametrize("way", WAYS)
def test_somebody_stands_in_for_a_worker_that_waits(way: str) -> None:
    """What would end the wait is begun, though all workers wait; and then no more calls run at a time than before."""
    opened, entered = threading.Event(), threading.Event()

    def hold() -> int:
        entered.set()
        return int(opened.wait(SECONDS))

    with lw.Pool(2) as pool:
        held = pool.submit(hold)
        assert entered.wait(SECONDS)
        waiting = [pool.submit(WAYS[way], [held]) for _ in range(3)]
        pool.submit(opened.set)
        assert [each.result(SECONDS) for each in waiting] == [[1]] * 3
        assert at_a_time(pool) == 2


def at_a_time(pool: lw.Pool) -> int:
    """Count how many calls run at a time."""
    lock, running, most = threading.Lock(), 0, 0
    pause = threading.Event()

    def count() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        pause.wait(0.01)
        with lock:
            running -= 1

    wait([pool.submit(count) for _ in range(20)], SECONDS)
    return most


def test_two_pools_that_wait_for_each_other() -> None:
    """One worker each: the first waits for the second's call, and that for another of the first's."""
    with lw.Pool(1) as first, lw.Pool(1) as second:

        def outer() -> int:
            return second.submit(inner).result(SECONDS)

        def inner() -> int:
            return first.submit(int, "7").result(SECONDS)

        assert first.submit(outer).result(SECONDS) == 7


def test_waiting_along_with_futures_of_others(single: lw.Pool) -> None:
    """A worker helps with those that it can help with."""
    with ThreadPoolExecutor(1) as others:

        def ask() -> int:
            futures = [others.submit(int, "1"), single.submit(int, "2"), others.submit(int, "4"), single.submit(int, "8")]
            return sum(future.result(0) for future in wait(futures).done)

        assert single.submit(ask).result(SECONDS) == 15


def test_a_wait_that_is_over_before_the_call(single: lw.Pool) -> None:
    """A timeout holds where there is nothing to help with."""
    started, release = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        release.wait(SECONDS)

    with lw.Pool(2) as pool:
        held = pool.submit(hold)
        assert started.wait(SECONDS)
        assert pool.submit(wait, [held], 0.01).result(SECONDS).not_done == {held}
        with pytest.raises(TimeoutError):
            pool.submit(held.result, 0.01).result(SECONDS)
        with pytest.raises(TimeoutError):
            pool.submit(lambda: list(as_completed([held], 0.01))).result(SECONDS)
        release.set()


def test_what_is_cancelled_wakes_those_who_wait(single: lw.Pool) -> None:
    """At once, by a shutdown too, while the only worker is in another call."""
    started, release = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        release.wait(SECONDS)

    single.submit(hold)
    assert started.wait(SECONDS)
    handles = [single.submit(int) for _ in range(3)]
    with ThreadPoolExecutor(2) as askers:
        asking = [askers.submit(lambda: wait(handles).done), askers.submit(lambda: set(as_completed(handles)))]
        while not all(handle._waiters for handle in handles):
            pass
        single.shutdown(wait=False, cancel_futures=True)
        assert [each.result(SECONDS) for each in asking] == [set(handles)] * 2
    assert all(handle.cancelled() for handle in handles)
    release.set()


@pytest.mark.parametrize("way", [wait, lambda handles: set(as_completed(handles))], ids=["wait", "as_completed"])
def test_a_worker_helps_with_what_somebody_outside_waits_for_already(way: Callable[[Any], Any], single: lw.Pool) -> None:
    """Who waited first, and is no worker, does not keep it from that."""
    with ThreadPoolExecutor(1) as asker:

        def ask() -> None:
            handles = [single.submit(int) for _ in range(3)]
            asking.append(asker.submit(wait, handles))
            while not all(handle._waiters for handle in handles):
                pass
            way(handles)

        asking: list[Future[Any]] = []
        single.submit(ask).result(SECONDS)
        assert not asking[0].result(SECONDS).not_done


def test_many_wait_at_once_for_what_is_done_and_what_is_not(single: lw.Pool) -> None:
    """Nobody locks what is done, and nobody is in another's way."""
    for _ in range(20):
        done = [single.submit(int) for _ in range(50)]
        wait(done[::2])
        gate = threading.Event()
        handles: list[lw.Handle[Any]] = [*done, single.submit(gate.wait, SECONDS)]
        with ThreadPoolExecutor(4) as askers:
            asking = [askers.submit(wait, handles) for _ in range(4)]
            while len(handles[-1]._waiters) < 4:
                pass
            gate.set()
            assert all(each.result(SECONDS).done == set(handles) for each in asking)
        assert not any(handle._waiters for handle in handles)


@pytest.mark.parametrize("way", WAYS)
def test_waiting_from_many_workers_at_once(way: str) -> None:
    """Everybody waits for everybody's calls, and each is made once."""
    made: list[int] = []
    with lw.Pool(4) as pool:

        def note(number: int) -> int:
            made.append(number)
            return number

        def ask(number: int) -> int:
            return sum(WAYS[way]([pool.submit(note, number) for _ in range(4)]))

        asking = [pool.submit(ask, number) for number in range(50)]
        assert [each.result(SECONDS) for each in asking] == [4 * number for number in range(50)]
    assert sorted(made) == sorted(4 * list(range(50)))


def test_who_stood_in_makes_room_after_its_call(single: lw.Pool) -> None:
    """Where one goes on after its wait, there is one call too many until one has ended, and not until the queue is empty."""
    at_work: list[None] = []
    seen: list[int] = []

    def work() -> None:
        at_work.append(None)
        seen.append(len(at_work))
        time.sleep(0.001)  # lets another go on, if there is one
        at_work.pop()

    with lw.Pool(1) as other:
        awaited = other.submit(threading.Event().wait, 0.02)

        def wait_and_work() -> None:
            awaited.result()
            work()

        lw.gather([single.submit(wait_and_work), *(single.submit(work) for _ in range(200))])
    assert seen.count(2) <= 4


def test_somebody_stands_in_for_one_that_waits_for_anybodys_future(single: lw.Pool) -> None:
    """Also where the one worker waits for what is no call of a pool, and what ends that is behind it."""
    awaited: Future[int] = Future()
    waiting = single.submit(lw.gather, [awaited])
    single.submit(awaited.set_result, 7)
    assert waiting.result(SECONDS) == [7]


class Result:
    """What a call returns."""


@pytest.mark.parametrize("submit", ["Pool.submit", "lw.submit"])
@pytest.mark.parametrize("way", ["result", "result, last first", "wait", "lw.gather", "lw.wait"])
def test_what_a_waiter_has_called_itself_is_let_go_of(way: str, submit: str, single: lw.Pool) -> None:
    """A task that goes on for long, on the only worker, keeps no results of the calls that it waited for."""
    hand_in = single.submit if submit == "Pool.submit" else lw.submit
    results: list[weakref.ref[Result]] = []

    def make() -> Result:
        result = Result()
        results.append(weakref.ref(result))
        return result

    def wait_again_and_again() -> int:
        for _ in range(10):
            WAYS[way]([hand_in(make) for _ in range(3)])
        garbage.collect()
        return sum(result() is not None for result in results)

    with lw.configure(workers=1):
        assert hand_in(wait_again_and_again).result(SECONDS) <= 3
    assert len(results) >= 10
