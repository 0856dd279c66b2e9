"""Runs over items whose pool breaks or is shut down in the middle: they end, say why, and carry what was finished."""

import concurrent.futures
import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import checks  # noqa: F401 - which makes threads eager

import lightwork as lw
from lightwork._gil import has_gil

SECONDS = 30
logging.getLogger("concurrent.futures").disabled = True  # where initializers' errors are told

started, release = threading.Event(), threading.Event()


def unfit() -> None:
    """Fail, as an initializer may."""
    raise ValueError("unfit")


def hold(item: int = 0) -> int:
    """Keep a worker until it is released."""
    if item == 0:
        started.set()
        assert release.wait(SECONDS)
    return item


def ended(run: Callable[[], Any], reason: str) -> Any:
    """Wait for the end of a run, which is an error that says this; return what was finished."""
    try:
        run()
    except RuntimeError as error:
        assert reason in str(error), error
        return getattr(error, "partial_result", None)
    raise AssertionError("nothing was raised")


def break_pools(kind: Any) -> None:
    """Map in pools whose initializer fails: again and again, and by all ways."""
    pool = kind(2, initializer=unfit)
    for _ in range(20):
        assert ended(lambda: lw.parallel_map(abs, range(10), executor=pool), "initializer failed").ok_values() == []
        ended(lambda: list(lw.parallel_iter(abs, range(10), executor=pool)), "initializer failed")


def break_later() -> None:
    """Let the second thread's initializer fail, when the first one is in the middle of an item."""
    names: list[str] = []

    def prepare() -> None:
        names.append(threading.current_thread().name)
        if len(names) > 1:
            assert started.wait(SECONDS)
            unfit()

    pool = lw.Pool(2, initializer=prepare)
    result = ended(lambda: lw.parallel_map(hold, range(100), executor=pool, chunk_size=1), "initializer failed")
    assert result.status is lw.RunStatus.ABORTED
    release.set()
    assert len(names) == 2


def shut_down(kind: Any) -> None:
    """Cancel what a pool has not begun, of which a run's call for workers is one."""
    for _ in range(20):
        started.clear()
        release.clear()
        pool = kind(1)
        held = pool.submit(hold)
        assert started.wait(SECONDS)
        thread = threading.Timer(0.001, pool.shutdown, (False,), {"cancel_futures": True})
        thread.start()
        assert ended(partial(lw.parallel_map, abs, range(10), executor=pool), "shut").ok_values() == []
        thread.join()
        release.set()
        assert held.result(SECONDS) == 0


def shut_down_in_a_handler() -> None:
    """Do so in a signal handler that comes at any moment of a run of the same thread."""
    for attempt in range(100):
        pool = lw.Pool(2)
        signal.signal(signal.SIGALRM, lambda *_, pool=pool: pool.shutdown(wait=False, cancel_futures=True))
        signal.setitimer(signal.ITIMER_REAL, 0.0003 * (1 + attempt % 10))

        def run(pool: lw.Pool = pool) -> None:
            while True:
                result = lw.parallel_map(abs, iter(range(-500, 500)), executor=pool, chunk_size=1, window=8)
                assert result.values() == list(map(abs, range(-500, 500)))

        ended(run, "shut")
        pool.shutdown()


def shut_down_by_a_finalizer() -> None:
    """Do so wherever the collector comes by."""

    class Last:
        def __init__(self, pool: lw.Pool) -> None:
            self.pool, self.cycle = pool, self

        def __del__(self) -> None:
            self.pool.shutdown(wait=False, cancel_futures=True)

    def items(pool: lw.Pool) -> Iterator[int]:
        yield from range(50)
        Last(pool)
        while True:
            yield len([[] for _ in range(100)])  # what the collector counts

    gc.set_threshold(50)
    for _ in range(20 if has_gil() else 3):  # without a GIL each collection goes through all that there is
        pool = lw.Pool(2)
        ended(partial(lw.parallel_map, abs, items(pool), executor=pool, chunk_size=1), "shut")


def poke(kind: Any) -> None:
    """Those who call a run that waits for them hear nothing of what has become of its pool."""
    for _ in range(20):
        pool, limiter, has_begun = kind(1), lw.Limiter(1000.0), threading.Event()
        limiter.pause(3600)

        def resume(pool: Any = pool, limiter: lw.Limiter = limiter, has_begun: threading.Event = has_begun) -> None:
            assert has_begun.wait(SECONDS)
            while not limiter.statistics().waiting:
                pass
            pool.shutdown(wait=False)
            limiter.resume()

        def items(has_begun: threading.Event = has_begun) -> Iterator[int]:
            has_begun.set()
            yield from range(10)

        strangers = concurrent.futures.ThreadPoolExecutor(1)
        stranger = strangers.submit(resume)
        ended(partial(lw.parallel_map, abs, items(), executor=pool, rate_limit=limiter), "after shutdown")
        assert stranger.result(SECONDS) is None
        strangers.shutdown()


WAYS: dict[str, Callable[[], None]] = {
    "initializer": lambda: break_pools(lw.Pool),
    "others' initializer": lambda: break_pools(concurrent.futures.ThreadPoolExecutor),
    "second initializer": break_later,
    "shutdown": lambda: shut_down(lw.Pool),
    "others' shutdown": lambda: shut_down(concurrent.futures.ThreadPoolExecutor),
    "shutdown in a handler": shut_down_in_a_handler,
    "shutdown by a finalizer": shut_down_by_a_finalizer,
    "poke": lambda: poke(lw.Pool),
    "others' poke": lambda: poke(concurrent.futures.ThreadPoolExecutor),
}

WAYS[sys.argv[1]]()
assert list(lw.parallel_map(abs, [-1, -2], retry=lw.Retry())) == [1, 2]
