"""Ctrl-C while items run and wait: the call ends at once, carries what was finished, and the next one works."""

import os
import signal
import threading
import time

import lightwork as lw


def work(item: int) -> int:
    """Send Ctrl-C to the process from one item; take a while in others."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGINT)
    if item > 3:
        threading.Event().wait(0.3)
    return item


began = time.monotonic()
try:
    lw.parallel_map(work, iter(range(100_000)), workers=3, window=6, retry=lw.Retry(3))
except KeyboardInterrupt as error:
    assert time.monotonic() - began < 0.25
    partial = error.partial_result  # type: ignore[attr-defined]
    assert set(range(3)) <= set(partial.ok_values())
    assert partial.status is lw.RunStatus.CANCELLED
else:
    raise AssertionError("nothing was raised")
assert list(lw.parallel_map(abs, [-1, -2], retry=lw.Retry())) == [1, 2]
print("goes on")
