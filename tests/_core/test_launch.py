"""Threads that begin, and threads that do not."""

import signal
import threading
import time
import weakref

import pytest
from lightwork._core.launch import launch

SECONDS = 30


class Fails(threading.Thread):
    """Fails before it has said that it begins."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__(name="fails")
        self.failure = failure

    def _bootstrap(self) -> None:
        raise self.failure


class Lingers(threading.Thread):
    """Takes its time before it says so."""

    def __init__(self) -> None:
        super().__init__(name="lingers", daemon=True)
        self.may_begin, self.has_run = threading.Event(), threading.Event()

    def _bootstrap(self) -> None:
        self.may_begin.wait(SECONDS)
        super()._bootstrap()  # type: ignore[misc]

    def run(self) -> None:
        """Run."""
        self.has_run.set()


def test_a_launched_thread_is_one_like_others() -> None:
    """It has begun when its starter goes on, is known to `threading`, ends, and cannot be started again."""
    may_end, seen = threading.Event(), []

    def run() -> None:
        seen.append(threading.current_thread())
        may_end.wait(SECONDS)

    thread = threading.Thread(target=run, name="launched", daemon=True)
    launch(thread)
    assert thread.is_alive()
    assert thread.ident is not None
    assert thread in threading.enumerate()
    may_end.set()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert thread not in threading.enumerate()
    assert seen == [thread]
    with pytest.raises(RuntimeError, match="once"):
        thread.start()


def test_nothing_is_left_of_a_thread_that_ended() -> None:
    """Neither it nor what it ran is in a cycle that the collector would have to find."""
    thread = threading.Thread(target=int)
    launch(thread)
    thread.join(SECONDS)
    gone = weakref.ref(thread)
    del thread
    end = time.monotonic() + SECONDS
    while gone() is not None and time.monotonic() < end:
        time.sleep(0.001)
    assert gone() is None


@pytest.mark.parametrize("failure", [MemoryError("none at all"), SystemExit(3), ValueError("of the thread's own")])
def test_a_thread_that_fails_to_begin_tells_its_starter(failure: BaseException) -> None:
    """By its own failure; and `threading` knows of it no more."""
    thread = Fails(failure)
    with pytest.raises(type(failure)) as raised:
        launch(thread)
    assert raised.value is failure
    assert not thread.is_alive()
    assert thread not in threading.enumerate()


def test_a_thread_whose_starter_is_interrupted_begins_all_the_same() -> None:
    """A signal's handler ends the wait, not the thread."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    thread = Lingers()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            launch(thread)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not thread.is_alive()
    thread.may_begin.set()
    assert thread.has_run.wait(SECONDS)
    thread.join(SECONDS)
