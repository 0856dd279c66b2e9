"""Ctrl-C while items run and wait: the call ends at once, carries what was finished, and the next one works."""

import os
import signal
import threading
import time

import lightwork as lw

signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored in the background
first = threading.Semaphore(0)
sent: list[float] = []


def work(item: int) -> int:
    """Send Ctrl-C to the process from the fourth item, when those before have had time to be reported; take a while in others."""
    if item < 3:
        first.release()
    if item == 3:
        for _ in range(3):
            first.acquire()
        threading.Event().wait(0.2)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
    if item > 3:
        threading.Event().wait(2)
    return item


try:
    lw.parallel_map(work, iter(range(100_000)), workers=3, window=6, retry=lw.Retry(3))
except KeyboardInterrupt as error:
    assert time.monotonic() - sent[0] < 1  # and not the two seconds of the others
    partial = error.partial_result  # type: ignore[attr-defined]
    assert set(range(3)) <= set(partial.ok_values())
    assert partial.status is lw.RunStatus.CANCELLED
else:
    raise AssertionError("nothing was raised")
assert list(lw.parallel_map(abs, [-1, -2], retry=lw.Retry())) == [1, 2]
print("goes on")
