"""Calls over items that wait, in all the ways there are: nobody looks around meanwhile, and others have the GIL."""

import asyncio
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator

import lightwork as lw

TICK = 0.01
N_TICKS = 30
N_TIMES = 3

token = lw.StopToken()
is_over = threading.Event()


def wait_for_the_end(item: int) -> int:
    """Wait for the ticks to be over."""
    is_over.wait()
    return item


def fail(item: int) -> int:
    """Fail at once."""
    raise ConnectionError(item)


def source() -> Iterator[int]:
    """Yield an item, and another only when the ticks are over."""
    yield 0
    yield wait_for_the_end(1)


async def fail_async(item: int) -> int:
    """Fail at once."""
    return fail(item)


for_an_hour = lw.Retry(2, backoff=3600.0, jitter="none", max_delay=3600)
a_few_an_hour = lw.RateLimit(2, "hour")
WAYS: dict[str, Callable[[], object]] = {
    "items": lambda: lw.parallel_map(wait_for_the_end, range(3)),
    "items with a policy": lambda: lw.parallel_map(wait_for_the_end, range(3), workers=3, timeout=3600),
    "back-off": lambda: lw.parallel_map(fail, range(3), retry=for_an_hour, stop=token),
    "back-off inline": lambda: lw.parallel_map(fail, range(3), retry=for_an_hour, stop=token, executor="serial"),
    "limiter": lambda: lw.parallel_map(abs, range(3), rate_limit=a_few_an_hour, stop=token),
    "stream": lambda: list(lw.parallel_iter(fail, range(3), retry=for_an_hour, stop=token)),
    "source": lambda: list(lw.parallel_iter(abs, source(), timeout=3600)),
    "async back-off": lambda: asyncio.run(lw.async_parallel_map(fail_async, range(3), retry=for_an_hour, stop=token)),
}


def switches() -> int:
    """Return how often a thread of this process has gone to sleep of its own will."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def tick() -> tuple[int, float]:
    """Tick for a while; return how many times somebody else woke up meanwhile, and the CPU time that all took, in seconds."""
    before, cpu = switches(), time.process_time()
    for _ in range(N_TICKS):
        time.sleep(TICK)
    return switches() - before - N_TICKS, round(time.process_time() - cpu, 3)


def tell() -> None:
    """Say what happens beside the ticks once everybody has fallen asleep, which takes time on a busy machine; then end the wait."""
    time.sleep(0.3)
    print(*min(tick() for _ in range(N_TIMES)))
    is_over.set()
    token.stop()


ticker = threading.Thread(target=tell)
ticker.start()
WAYS[sys.argv[1]]()
ticker.join()
