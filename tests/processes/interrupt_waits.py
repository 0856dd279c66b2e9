"""Ctrl-C in every kind of wait: one exception, in good time; what ran goes on and ends, no thread is left, and calls are made as before."""

import asyncio
import concurrent.futures
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from checks import seconds_in_line

import lightwork as lw

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored

HOUR = 3600.0
release = threading.Event()
began = threading.Event()
sent_at = in_line_by_then = 0.0


def hold(_: object = None) -> bool:
    """Stay in a call until the interrupt is over."""
    began.set()
    return release.wait(50)


def fail(item: int) -> int:
    """Fail at once."""
    began.set()
    raise ConnectionError(item)


async def fail_async(item: int) -> int:
    """Fail at once."""
    return fail(item)


def source() -> Iterator[int]:
    """Yield an item, and be slow with the next one."""
    yield 0
    hold()


def held(n_calls: int = 3) -> list[lw.Handle[Any]]:
    """Submit calls that stay, more than there are workers."""
    return [pool.submit(hold) for _ in range(n_calls)]


def paused() -> lw.Limiter:
    """Return a limiter that lets nobody in."""
    limiter = lw.Limiter(100.0)
    limiter.pause(HOUR)
    began.set()
    return limiter


def shut_down() -> None:
    """Wait for a pool's calls to end."""
    held()
    pool.shutdown()


def leave_pool() -> None:
    """Come to the end of a block with calls under way."""
    with pool:
        held()


def shut_down_all() -> None:
    """Wait for the threads of the default pools to end."""
    handle = lw.submit(hold)
    assert not handle.done()
    lw.shutdown()


def stop_waiting() -> None:
    """Wait for a token."""
    began.set()
    lw.StopToken().wait()


def map_beside() -> None:
    """Wait for other items than one's own."""
    main = threading.get_ident()
    lw.parallel_map(lambda _: threading.get_ident() == main or hold(), range(2), workers=2)
    while True:  # the helper was late, and the caller has run both
        lw.parallel_map(lambda _: threading.get_ident() == main or hold(), range(1000), workers=2)


pool = lw.Pool(2)
others = concurrent.futures.ThreadPoolExecutor(2)
for_an_hour = lw.Retry(2, backoff=HOUR, jitter="none", max_delay=HOUR)

WAYS: dict[str, Callable[[], object]] = {
    "result": lambda: held()[-1].result(),
    "result with a timeout": lambda: held()[-1].result(HOUR),
    "exception": lambda: held()[-1].exception(),
    "submit": lambda: lw.submit(hold).result(),
    "Pool.map": lambda: list(pool.map(hold, range(3))),
    "Pool.map, buffered": lambda: list(pool.map(hold, range(3), buffersize=2)),
    "gather": lambda: lw.gather(held()),
    "wait": lambda: lw.wait(held()),
    "as_completed": lambda: list(lw.as_completed(held())),
    "their wait": lambda: concurrent.futures.wait(held()),
    "their as_completed": lambda: list(concurrent.futures.as_completed(held())),
    "await": lambda: asyncio.run(asyncio.wait_for(held()[-1], HOUR)),
    "shutdown": shut_down,
    "with": leave_pool,
    "lw.shutdown": shut_down_all,
    "items": map_beside,
    "items with a policy": lambda: lw.parallel_map(hold, range(5), workers=2, timeout=HOUR),
    "items on a pool": lambda: lw.parallel_map(hold, range(5), executor=pool),
    "items on others' threads": lambda: lw.parallel_map(hold, range(5), executor=others),
    "stream": lambda: list(lw.parallel_iter(hold, range(5), workers=2)),
    "stream in order": lambda: list(lw.parallel_iter(hold, range(5), workers=2, ordered=True)),
    "tasks": lambda: lw.run_tasks([lw.Task(hold)] * 3, timeout=HOUR),
    "source": lambda: lw.parallel_map(abs, source(), workers=2),
    "back-off": lambda: lw.parallel_map(fail, range(3), retry=for_an_hour),
    "back-off inline": lambda: lw.parallel_map(fail, range(3), retry=for_an_hour, executor="serial"),
    "back-off of a stream": lambda: list(lw.parallel_iter(fail, range(3), retry=for_an_hour)),
    "async back-off": lambda: asyncio.run(lw.async_parallel_map(fail_async, range(3), retry=for_an_hour)),
    "back-off of a call": lambda: for_an_hour.call(fail, 0),
    "limiter": lambda: lw.parallel_map(abs, range(3), rate_limit=paused()),
    "limiter inline": lambda: lw.parallel_map(abs, range(3), rate_limit=paused(), executor="serial"),
    "acquire": lambda: paused().acquire(),
    "token": stop_waiting,
}


def main_sleeps() -> bool:
    """Whether the main thread is in a wait, as Linux tells it."""
    return Path(f"/proc/self/task/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def press() -> None:
    """Press Ctrl-C when the call is under way and its caller has come to rest."""
    global sent_at, in_line_by_then
    assert began.wait(50)
    n_seen = 0
    while n_seen < 5:
        time.sleep(0.005)
        n_seen = n_seen + 1 if main_sleeps() else 0
    in_line_by_then = seconds_in_line()
    sent_at = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)


def raises_once(call: Callable[[], object]) -> float:
    """
    Call what is interrupted; return how long it took from the signal to the exception, which is the only one.

    What others on this machine took of that counts for nothing.
    """
    try:
        call()
    except KeyboardInterrupt as error:
        latency = time.monotonic() - sent_at
        quiet = max(0.0, latency - max(0.0, seconds_in_line() - in_line_by_then))
        assert error.__context__ is None or isinstance(error.__context__, asyncio.CancelledError), repr(error.__context__)
        assert latency < 5
        return quiet
    finally:
        release.set()
    raise AssertionError("nothing was raised")


def is_left_alone() -> bool:
    """Whether there is no thread but this one, sooner or later."""
    end = time.monotonic() + 30
    while threading.active_count() > 1 and time.monotonic() < end:
        time.sleep(0.005)
    return threading.active_count() == 1


presser = threading.Thread(target=press)
presser.start()
way = sys.argv[1]
if len(sys.argv) > 2:
    try:
        WAYS[way]()
    finally:
        release.set()
latency = raises_once(WAYS[way])
presser.join()
if way not in {"shutdown", "with"}:
    assert [handle.result(30) for handle in [pool.submit(abs, -number) for number in range(20)]] == list(range(20))
assert lw.gather([lw.submit(int, "7") for _ in range(5)]) == [7] * 5
assert list(lw.parallel_map(abs, [-1, -2], retry=lw.Retry())) == [1, 2]
assert list(lw.parallel_map(abs, [-1, -2])) == [1, 2]
pool.shutdown()
others.shutdown()
assert lw.shutdown(30)
assert is_left_alone(), threading.enumerate()
print(latency)
