"""Signal handlers that do not raise run in the middle of a call, may call and submit themselves, and change nothing."""

import os
import signal
import threading

import numpy as np
from checks import check_map

import lightwork as lw

pool = lw.Pool(1)
seen: list[lw.Handle[int]] = []
handled, is_over = threading.Event(), threading.Event()


def handle(*_: object) -> None:
    """Map and submit within the call that was interrupted."""
    check_map(100_000)
    seen.append(pool.submit(int, "7"))
    handled.set()


def ring() -> None:
    """Send a signal some milliseconds after the last was handled."""
    while not is_over.wait(0.005):
        handled.clear()
        os.kill(os.getpid(), signal.SIGUSR1)
        handled.wait(20)


signal.signal(signal.SIGUSR1, handle)
ringer = threading.Thread(target=ring)
ringer.start()
x = np.full(2_000_000, 7540113804746346429)
while len(seen) < 20:
    np.testing.assert_array_equal(lw.chunked_map(np.gcd, x[:200_000], 4660046610375530309, workers=2), 1)
    check_map()
    pool.submit(int).result()
is_over.set()
ringer.join()
assert {handle.result() for handle in seen} == {7}
