"""Stop tokens: stopped anywhere, heard everywhere."""

import asyncio
import functools
import math
import os
import pickle
import signal
import threading
import time
import weakref
from collections.abc import Callable

import garbage
import pytest
from threads import collide, rounds, together

from lightwork import StopToken
from lightwork.testing import MockClock


def state(token: StopToken) -> tuple[bool, object]:
    """Return whether a token is stopped, and why."""
    return token.is_stopped, token.reason


def test_a_token_is_stopped_once_and_for_good() -> None:
    """The first call stops it and gives the reason; later ones change nothing."""
    token = StopToken()
    assert state(token) == (False, None)
    assert token.stop("enough")
    assert not token.stop("too late")
    assert state(token) == (True, "enough")


def test_a_reason_need_not_be_given() -> None:
    """A token that was stopped without a reason is stopped all the same."""
    token = StopToken()
    assert token.stop()
    assert state(token) == (True, None)


def test_it_shows_what_it_is() -> None:
    """Its text tells whether it is stopped, and why."""
    token = StopToken()
    assert repr(token) == "<StopToken not stopped>"
    token.stop("enough")
    assert repr(token) == "<StopToken stopped: 'enough'>"


def test_it_stays_in_its_process() -> None:
    """A copy in another process would hear nothing, so there is none."""
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(StopToken())


# --- Callbacks ------------------------------------------------------------------------------------------------------


def test_who_subscribed_is_called_in_order() -> None:
    """Each callback is called once, when the token is stopped, in the order of subscription."""
    token, called = StopToken(), list[int]()
    for index in range(5):
        token.on_stop(functools.partial(called.append, index))
    assert called == []
    token.stop()
    token.stop()
    assert called == [0, 1, 2, 3, 4]


def test_who_comes_late_is_called_at_once() -> None:
    """A callback for a token that is stopped already runs in the call that subscribes."""
    token, called = StopToken(), list[int]()
    token.stop()
    token.on_stop(functools.partial(called.append, 1))
    assert called == [1]


def test_who_unsubscribed_is_not_called() -> None:
    """A subscription can be taken back, any number of times, and leaves nothing behind."""
    token, called = StopToken(), list[int]()
    unsubscribe = token.on_stop(functools.partial(called.append, 1))
    token.on_stop(functools.partial(called.append, 2))
    unsubscribe()
    unsubscribe()
    assert len(token._subscriptions) == 1
    token.stop()
    unsubscribe()
    assert called == [2]
    assert not token._subscriptions


def test_callbacks_may_do_anything_with_the_token() -> None:
    """A callback may stop the token again, look at it, and subscribe others."""
    token, called = StopToken(), list[object]()

    def callback() -> None:
        called.append((token.stop("again"), token.is_stopped))
        token.on_stop(functools.partial(called.append, "inner"))

    token.on_stop(callback)
    token.on_stop(functools.partial(called.append, "outer"))
    token.stop()
    assert called == ["outer", (False, True), "inner"]


def test_callbacks_that_fail_hinder_no_other() -> None:
    """All are called, and then all their errors are raised together."""
    token, called = StopToken(), list[int]()
    token.on_stop(lambda: 1 / 0)
    token.on_stop(functools.partial(called.append, 1))
    token.on_stop(lambda: [0].remove(1))
    with pytest.raises(ExceptionGroup, match="the token is stopped all the same") as caught:
        token.stop()
    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError, ValueError]
    assert called == [1] and token.is_stopped


def test_callbacks_are_functions() -> None:
    """What cannot be called is refused when it subscribes."""
    with pytest.raises(TypeError, match="callback must be a function of nothing, not 3"):
        StopToken().on_stop(3)  # type: ignore[arg-type]


# --- Links ----------------------------------------------------------------------------------------------------------


def test_a_linked_token_is_stopped_with_any_of_its_own() -> None:
    """It takes over the reason of the first, and keeps it."""
    first, second = StopToken(), StopToken()
    linked = StopToken.linked(first, second)
    called: list[int] = []
    linked.on_stop(functools.partial(called.append, 1))
    assert state(linked) == (False, None)
    second.stop("second")
    assert called == [1]
    assert linked.reason == "second"
    first.stop("first")
    assert linked.reason == "second" and called == [1]
    assert not linked.stop("linked")


def test_stopping_a_linked_token_leaves_the_others_alone() -> None:
    """A link goes one way."""
    token = StopToken()
    linked = StopToken.linked(token)
    assert linked.stop("by itself")
    assert not token.is_stopped
    token.stop("later")
    assert linked.reason == "by itself"


def test_links_of_links_hold() -> None:
    """A token at any distance stops those below, each callback once, also where ways meet again."""
    top = StopToken()
    left, right = StopToken.linked(top), StopToken.linked(top)
    bottom, called = StopToken.linked(left, right), list[int]()
    bottom.on_stop(functools.partial(called.append, 1))
    top.stop("top")
    assert called == [1]
    assert bottom.reason == "top"
    bottom.on_stop(functools.partial(called.append, 2))
    assert called == [1, 2]


def test_links_keep_nothing_alive() -> None:
    """A token that many runs link to remembers none of them when they are over."""
    token = StopToken()
    linked = StopToken.linked(token)
    gone = weakref.ref(linked)
    linked.on_stop(lambda: None)()
    del linked
    garbage.collect()
    assert gone() is None
    assert not token._subscriptions


def test_what_was_called_is_forgotten_everywhere() -> None:
    """A callback that one token called is let go by the others that it waited for."""
    first, second = StopToken(), StopToken()
    StopToken.linked(first, second).on_stop(lambda: None)
    first.stop()
    assert not second._subscriptions


# --- Waiting --------------------------------------------------------------------------------------------------------


def test_who_waits_in_a_thread_is_woken() -> None:
    """A wait without an end returns when another thread stops the token."""
    token, waiting = StopToken(), threading.Event()

    def stop() -> bool:
        waiting.wait(60)
        while not token._subscriptions:
            time.sleep(0)
        return token.stop()

    def wait() -> bool:
        waiting.set()
        return token.wait()

    assert together([wait, stop]) == [True, True]
    assert token.wait(0) and token.wait()


def test_a_wait_ends_with_its_time() -> None:
    """By any clock a wait in vain takes as long as it was said, and leaves nothing behind."""
    token = StopToken()
    with MockClock(autojump=True) as clock:
        assert not token.wait(2.5)
        assert clock.now() == 2.5
    assert not token.wait(0)
    assert not token.wait(0.001)
    assert not token._subscriptions
    for timeout in (-1, math.nan):
        with pytest.raises(ValueError, match="timeout must be"):
            token.wait(timeout)


async def subscribed(token: StopToken, n: int) -> None:
    """Let other coroutines go on until so many wait for a token."""
    while len(token._subscriptions) < n:  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0)


def test_who_awaits_is_woken() -> None:
    """Coroutines wait for a token that a thread stops, and go on at once if it is stopped."""
    token = StopToken()

    async def both() -> None:
        waits = [asyncio.create_task(wait()) for _ in range(3)]
        await subscribed(token, 3)
        threading.Thread(target=token.stop).start()
        await asyncio.gather(*waits)
        await token

    async def wait() -> None:
        await token

    asyncio.run(asyncio.wait_for(both(), 60))
    assert not token._subscriptions


def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    """A coroutine that is cancelled while it waits unsubscribes."""
    token = StopToken()

    async def wait() -> None:
        await token

    async def cancel() -> None:
        task = asyncio.create_task(wait())
        await subscribed(token, 1)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())
    assert not token._subscriptions


# --- Signals --------------------------------------------------------------------------------------------------------


def test_a_signal_handler_stops_who_waits() -> None:
    """A handler that runs on top of the very wait, or of a subscription, ends it."""
    token = StopToken()
    before = signal.signal(signal.SIGUSR1, lambda *_: token.stop("signal") and None)
    try:
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert token.wait(60)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert token.reason == "signal"


def test_a_signal_may_come_at_any_point() -> None:
    """Signals that stop tokens in the middle of whatever is done with them never block, and no callback is lost."""
    tokens: list[StopToken] = []
    called: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: tokens[-1].stop("signal") and None)
    try:
        for index in range(300):
            tokens.append(StopToken.linked(StopToken()))
            signal.setitimer(signal.ITIMER_REAL, 1e-6 + index % 60 * 1e-6)
            while not tokens[-1].is_stopped:
                tokens[-1].on_stop(lambda: None)()
                time.sleep(0)  # gives the interpreter another occasion to see a signal that came while it looked for one
            tokens[-1].on_stop(functools.partial(called.append, index))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert called == list(range(300))


# --- Many threads ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("eager_switching")
def test_of_many_that_stop_one_is_the_first() -> None:
    """Exactly one call of several at once says that it stopped the token, and the reason is its own."""
    for _ in rounds(300):
        token = StopToken()
        are_first = collide([functools.partial(token.stop, index) for index in range(3)])
        assert are_first.count(True) == 1
        assert token.reason == are_first.index(True)


@pytest.mark.usefixtures("eager_switching")
@pytest.mark.parametrize("is_linked", [False, True])
def test_no_callback_is_lost_or_called_twice(is_linked: bool) -> None:
    """Callbacks that subscribe while the token is being stopped are each called exactly once."""
    for _ in rounds(300):
        parent = StopToken()
        token = StopToken.linked(parent, StopToken()) if is_linked else parent
        called: list[int] = []

        def subscribe(first: int, token: StopToken = token, called: list[int] = called) -> None:
            for index in range(first, first + 10):
                token.on_stop(functools.partial(called.append, index))

        calls: list[Callable[[], object]] = [functools.partial(subscribe, 0), parent.stop, functools.partial(subscribe, 10), token.stop]
        collide(calls)
        assert sorted(called) == list(range(20))


@pytest.mark.usefixtures("eager_switching")
def test_a_subscription_ends_once() -> None:
    """Of a stop and several that take the subscription back at the same time, one gets the callback."""
    outcomes: set[int] = set()
    for _ in rounds(300):
        token, called = StopToken(), list[int]()
        unsubscribe = token.on_stop(functools.partial(called.append, 1))
        calls: list[Callable[[], object]] = [unsubscribe, token.stop, unsubscribe]
        collide(calls)
        outcomes.add(len(called))
        assert not token._subscriptions
    assert outcomes <= {0, 1}
