"""Memory runs out in the middle of calls of all kinds; what was taken is done, and when there is memory again everything goes on."""

import gc
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import checks

import lightwork as lw

SECONDS = 30
held, begun = threading.Event(), threading.Event()
taken: list["lw.Handle[int]"] = []


def allow(n_megabytes: int | None) -> None:
    """Leave so much address space, or any amount."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = resource.RLIM_INFINITY if n_megabytes is None else used + n_megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def hold() -> None:
    """Keep the only worker away from what is submitted."""
    begun.set()
    held.wait(SECONDS)


def submit() -> None:
    """Submit until there is no memory."""
    while True:
        taken.append(pool.submit(int, "7"))


def items() -> Iterator[bytes]:
    """Yield items until there is no memory."""
    while True:
        yield bytes(10_000)


def map_items() -> None:
    """Keep all results."""
    lw.parallel_map(lambda item: item + item, items(), workers=3, retry=lw.Retry(2, on=OSError), errors="raise")


def stream_items() -> None:
    """Keep all results of a stream."""
    kept: list[object] = []
    for result in lw.parallel_iter(lambda item: item + item, items(), workers=3, errors="raise"):
        kept.append(result)  # noqa: PERF402 - the list is what there is when it ends


assert lw.gather([lw.submit(int, "7") for _ in range(20)]) == [7] * 20
assert list(lw.parallel_map(abs, [-1] * 20, workers=3, retry=lw.Retry(2))) == [1] * 20
pool = lw.Pool(1)
holding = pool.submit(hold)
assert begun.wait(SECONDS)
reserve = bytearray(30 << 20)
gc.disable()  # without a GIL it wants memory itself, and complains
allow(60)
try:
    {"submit": submit, "items": map_items, "stream": stream_items}[sys.argv[1]]()
except MemoryError:
    reserve.clear()  # for whatever is to be done about it
    allow(None)
    gc.enable()
else:
    raise AssertionError("there was enough")
held.set()
holding.result(SECONDS)
assert len(taken) > 10_000 or sys.argv[1] != "submit", len(taken)
assert all(handle.result(SECONDS) == 7 for handle in taken)
assert [handle.result(SECONDS) for handle in [pool.submit(abs, -number) for number in range(100)]] == list(range(100))
assert list(lw.parallel_map(abs, [-1] * 20, workers=3, retry=lw.Retry(2))) == [1] * 20
checks.check_map()
pool.shutdown()
assert lw.shutdown(SECONDS)
