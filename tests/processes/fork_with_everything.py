"""Forks while everything is under way: every child does all of it anew, with what it inherited, and is told which calls are its parent's."""

import asyncio
import concurrent.futures
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

from checks import check_child, check_map

import lightwork as lw

SECONDS = 30

pool = lw.Pool(2)
limiter = lw.Limiter(lw.RateLimit(100_000, burst=1000))
token = lw.StopToken()
retry = lw.Retry(2, backoff=0.0)
metrics = lw.Metrics()
is_over, release = threading.Event(), threading.Event()


def fail_once() -> Callable[[int], int]:
    """Return a function whose first call fails."""
    failed: list[int] = []

    def call(item: int) -> int:
        if not failed:
            failed.append(item)
            raise ConnectionError(item)
        return item

    return call


def do_everything() -> None:
    """Use all that waits or locks, by objects that others share."""
    assert pool.submit(int, "7").result(SECONDS) == 7
    assert lw.gather([lw.submit(abs, -3), pool.submit(abs, -4)]) == [3, 4]
    assert list(pool.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]
    assert list(lw.parallel_map(fail_once(), range(50), workers=3, retry=retry, rate_limit=limiter, stop=token, metrics=metrics)) == list(range(50))
    assert list(lw.parallel_map(abs, range(50), workers=3, executor=pool)) == list(range(50))
    assert {result.value for result in lw.parallel_iter(abs, range(50), workers=2, rate_limit=limiter)} == set(range(50))
    assert limiter.try_acquire() in {True, False}
    check_map(50_000)


def is_told(ask: Callable[[], object]) -> bool:
    """Whether it is an error to wait for a parent's call."""
    try:
        ask()
    except RuntimeError as error:
        return "submitted before the process was forked" in str(error)
    return False


async def wait_for(handle: "lw.Handle[bool]") -> bool:
    """Wait in an event loop."""
    return await handle


def be_child(handle: "lw.Handle[bool]") -> bool:
    """Find the parent's call to be the parent's, by whatever it is waited for, and do everything."""
    assert is_told(handle.result)
    assert is_told(lambda: lw.gather([handle]))
    assert is_told(lambda: lw.wait([handle]))
    assert is_told(lambda: list(lw.as_completed([handle])))
    assert is_told(lambda: concurrent.futures.wait([handle]))
    assert is_told(lambda: asyncio.run(wait_for(handle)))
    assert is_told(lambda: handle.add_done_callback(print))
    do_everything()
    return True


def live(child: int) -> None:
    """Be the forked child."""
    if child:
        return
    status = 1
    try:
        do_everything()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def hammer() -> None:
    """Do everything until it is over."""
    while not is_over.is_set():
        do_everything()


def fork_once(_: object = None) -> None:
    """Fork, and see to the child."""
    child = os.fork()
    live(child)
    check_child(child, SECONDS)


def under_hammers() -> None:
    """Fork whatever other threads are in the middle of."""
    hammers = [threading.Thread(target=hammer) for _ in range(3)]
    for thread in hammers:
        thread.start()
    try:
        for _ in range(10):
            fork_once()
    finally:
        is_over.set()
        for thread in hammers:
            thread.join()


def in_workers() -> None:
    """Fork in each kind of worker, while the caller waits."""
    pool.submit(fork_once).result(SECONDS)
    lw.submit(fork_once).result(SECONDS)
    for call in (lambda: lw.parallel_map(fork_once, range(3), workers=2), lambda: lw.parallel_map(fork_once, range(3), workers=2, retry=retry)):
        assert call().ok  # type: ignore[no-untyped-call]
    assert all(result.ok for result in lw.parallel_iter(fork_once, range(3), workers=2))


def source() -> Iterator[int]:
    """Fork between two items."""
    yield 0
    fork_once()
    yield 1


def in_between() -> None:
    """Fork where code of others runs in the calling thread."""
    assert list(lw.parallel_map(abs, source(), workers=2, retry=retry)) == [0, 1]
    lw.parallel_map(abs, range(3), workers=2, on_result=fork_once)
    pool.submit(int).add_done_callback(lambda _: fork_once())


def by_multiprocessing() -> None:
    """Have children that Python's own pools fork use what they inherit; its processes come and go while calls are under way."""
    held = pool.submit(release.wait, SECONDS)
    lw.submit(release.wait, SECONDS)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=be_child, args=(held,))
    process.start()
    process.join(SECONDS)
    assert process.exitcode == 0
    with context.Pool(2, initializer=do_everything, maxtasksperchild=2) as processes:
        assert processes.map(square_items, [3] * 6, chunksize=1) == [[0, 1, 4]] * 6
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        assert list(lw.parallel_map(square_items, [3] * 6, executor=executor)) == [[0, 1, 4]] * 6
    release.set()
    assert held.result(SECONDS)


def square_items(n_items: int) -> list[int]:
    """Map in a child."""
    do_everything()
    return list(lw.parallel_map(square, range(n_items), workers=2, executor=pool))


def square(item: int) -> int:
    """Return the square."""
    return item * item


WAYS = {"hammers": under_hammers, "workers": in_workers, "between": in_between, "multiprocessing": by_multiprocessing}

do_everything()
WAYS[sys.argv[1]]()
do_everything()
