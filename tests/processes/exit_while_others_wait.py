"""A program that ends while daemon threads of its own wait in calls of ours, for an hour each: nobody waits for them, and nobody complains."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import checks

import lightwork as lw

HOUR = 3600.0
for_ever = threading.Event()


def fail(item: int) -> int:
    """Fail at once."""
    raise ConnectionError(item)


async def fail_async(item: int) -> int:
    """Fail at once."""
    return fail(item)


def source() -> Iterator[int]:
    """Yield an item, and never another."""
    yield 0
    for_ever.wait()


def paused() -> lw.Limiter:
    """Return a limiter that lets nobody in."""
    limiter = lw.Limiter(100.0)
    limiter.pause(HOUR)
    return limiter


for_an_hour = lw.Retry(2, backoff=HOUR, jitter="none", max_delay=HOUR)
pool = lw.Pool(2)

WAITS: tuple[Callable[[], object], ...] = (
    lambda: lw.parallel_map(fail, range(3), retry=for_an_hour),
    lambda: lw.parallel_map(fail, range(3), retry=for_an_hour, executor="serial"),
    lambda: lw.parallel_map(fail, range(3), retry=for_an_hour, executor=pool, task_timeout=HOUR),
    lambda: list(lw.parallel_iter(fail, range(3), retry=for_an_hour)),
    lambda: asyncio.run(lw.async_parallel_map(fail_async, range(3), retry=for_an_hour)),
    lambda: lw.parallel_map(abs, range(3), rate_limit=paused()),
    lambda: lw.parallel_map(abs, range(3), rate_limit=paused(), executor=pool),
    lambda: for_an_hour.call(fail, 0),
    lambda: paused().acquire(),
    lambda: lw.StopToken().wait(),
    lambda: lw.parallel_map(abs, source(), workers=2, timeout=HOUR),
    lambda: lw.parallel_map(lambda _: for_ever.wait(), range(3), executor="serial"),
)


def is_asleep(thread: threading.Thread) -> bool:
    """Whether a thread sleeps, as Linux tells it."""
    return Path(f"/proc/self/task/{thread.native_id}/stat").read_text().rpartition(")")[2].split()[0] == "S"


waiting = [threading.Thread(target=wait, daemon=True) for wait in WAITS]
for thread in waiting:
    thread.start()
n_seen = 0
while n_seen < 20:  # one that waits for the GIL sleeps, too, but not so often
    time.sleep(0.01)
    n_seen = n_seen + 1 if all(map(is_asleep, waiting)) else 0
assert lw.gather([lw.submit(int, "7"), pool.submit(int, "8")]) == [7, 8]
running = [pool.submit(time.sleep, 0.2), lw.submit(time.sleep, 0.2)]  # as the standard library's, these are waited for
running[0].add_done_callback(lambda _: print("slept"))
if sys.argv[1] == "lingers":
    checks.linger()
print("leaves", flush=True)
sys.exit(int(sys.argv[2]))
