"""A handle: a future whose waiter lends a hand."""

import gc
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

import pytest
from threads import together

import lightwork as lw

SECONDS = 30


@pytest.fixture
def single() -> Iterator[lw.Pool]:
    """A pool of one worker."""
    with lw.Pool(1) as pool:
        yield pool


def hold(started: threading.Event, release: threading.Event) -> bool:
    """Say that the call has begun, and stay in it until it is released."""
    started.set()
    return release.wait(SECONDS)


@pytest.fixture
def gate(single: lw.Pool) -> Iterator[threading.Event]:
    """The pool's worker is held until this is set."""
    event, started = threading.Event(), threading.Event()
    single.submit(hold, started, event)
    assert started.wait(SECONDS)
    yield event
    event.set()


def test_it_is_a_future(single: lw.Pool) -> None:
    """What takes a concurrent.futures.Future takes a handle."""
    handle = single.submit(int, "7")
    assert isinstance(handle, Future)
    assert handle.result(SECONDS) == 7
    assert handle.done()
    assert not handle.cancel()


def test_a_call_that_has_not_begun_can_be_cancelled(single: lw.Pool, gate: threading.Event) -> None:
    """It is never made, and whoever waits is told."""
    made: list[int] = []
    handle = single.submit(made.append, 1)
    assert handle.cancel()
    gate.set()
    single.submit(int).result(SECONDS)
    with pytest.raises(CancelledError):
        handle.result(SECONDS)
    assert made == []


def test_a_call_that_has_begun_cannot_be_cancelled(single: lw.Pool) -> None:
    """It goes on to its result."""
    started, release = threading.Event(), threading.Event()
    handle = single.submit(hold, started, release)
    assert started.wait(SECONDS)
    assert handle.running()
    assert not handle.cancel()
    release.set()
    assert handle.result(SECONDS)


def test_waiting_has_an_end(single: lw.Pool, gate: threading.Event) -> None:
    """A timeout is a TimeoutError, and the call is made all the same."""
    handle = single.submit(int, "7")
    with pytest.raises(TimeoutError):
        handle.result(0.001)
    with pytest.raises(TimeoutError):
        handle.exception(0.001)
    gate.set()
    assert handle.result(SECONDS) == 7


def test_a_waiting_worker_makes_the_call_itself(single: lw.Pool) -> None:
    """On a single worker, the call that a call waits for runs in the same thread."""

    def ask() -> tuple[int, int]:
        return threading.get_ident(), single.submit(threading.get_ident).result(SECONDS)

    mine, other = single.submit(ask).result(SECONDS)
    assert mine == other


def test_a_worker_of_another_pool_waits(single: lw.Pool, gate: threading.Event) -> None:
    """A pool of one worker makes one call at a time, whoever waits for it."""
    with lw.Pool(1) as other:
        handle = single.submit(threading.get_ident)
        asking = other.submit(handle.result, SECONDS)
        while not asking.running():
            pass
        gate.set()
        assert asking.result(SECONDS) == single.submit(threading.get_ident).result(SECONDS)


def test_a_waiting_worker_makes_no_other_call(single: lw.Pool) -> None:
    """A lock held while waiting is met by the call that is waited for, or by none."""
    lock = threading.Lock()

    def take() -> bool:
        taken = lock.acquire(blocking=False)
        if taken:
            lock.release()
        return taken

    def ask() -> tuple[bool, lw.Handle[bool]]:
        with lock:
            bystander = single.submit(take)
            return single.submit(take).result(SECONDS), bystander

    awaited, bystander = single.submit(ask).result(SECONDS)
    assert not awaited
    assert bystander.result(SECONDS)


def test_a_call_is_made_once() -> None:
    """However many workers wait for the same call while another comes upon it, one makes it."""
    with lw.Pool(4) as pool:
        for _ in range(200):
            made: list[int] = []
            handle = pool.submit(made.append, 1)
            askers = [pool.submit(handle.result, SECONDS) for _ in range(3)]
            assert [asker.result(SECONDS) for asker in askers] == [None] * 3
            assert made == [1]


def test_many_may_wait(single: lw.Pool, gate: threading.Event) -> None:
    """Threads from outside all get the same result."""
    handle = single.submit(object)
    waiting: list[Callable[[], Any]] = [*[partial(handle.result, SECONDS)] * 8, gate.set]
    assert len(set(map(id, together(waiting)[:-1]))) == 1


class Token:
    """Something that can be referred to weakly."""


def test_nothing_is_kept_of_a_call_that_was_made(single: lw.Pool) -> None:
    """Function, arguments and context are let go of when the call is done, while the handle is still held."""
    token = Token()
    reference = weakref.ref(token)
    handle = single.submit(lambda _: 7, token)
    del token
    assert handle.result(SECONDS) == 7
    single.submit(int).result(SECONDS)  # the worker has gone on to something else
    gc.collect()
    assert reference() is None


def test_nothing_is_kept_of_a_result(single: lw.Pool) -> None:
    """Neither the pool nor its worker holds on to what a call returned."""
    reference = weakref.ref(single.submit(Token).result(SECONDS))
    single.submit(int).result(SECONDS)
    gc.collect()
    assert reference() is None


def test_a_handle_stays_in_its_process(single: lw.Pool) -> None:
    """Pickling one is refused, and says what to send instead."""
    with pytest.raises(TypeError, match="send its result instead"):
        pickle.dumps(single.submit(int))
