"""The default pools are shut down in a signal handler, while the main thread waits or has our locks, then at exit and while the interpreter goes."""

import atexit
import os
import signal
import threading
import time

from checks import check_map

import lightwork as lw

handled, is_over = threading.Event(), threading.Event()
n_handled = 0
longest = 0.0


def handle(*_: object) -> None:
    """Shut down within the call that was interrupted; nobody can be waited for."""
    global n_handled, longest
    began = time.monotonic()
    lw.shutdown()
    longest = max(longest, time.monotonic() - began)
    n_handled += 1
    handled.set()


def ring() -> None:
    """Send a signal some milliseconds after the last was handled."""
    while not is_over.wait(0.002):
        handled.clear()
        os.kill(os.getpid(), signal.SIGUSR1)
        handled.wait(20)


class Late:
    """Shut down by a finalizer when hardly anything is left."""

    def __init__(self) -> None:
        self.shutdown = lw.shutdown

    def __del__(self) -> None:
        """Do it."""
        self.shutdown()


def end() -> None:
    """Shut down at exit, where it may still wait."""
    assert lw.submit(int, "5").result() == 5
    assert lw.shutdown(30)


assert list(lw.parallel_map(abs, [-1])) == [1]  # imports what is for items, in the middle of which a handler would find half of it
signal.signal(signal.SIGUSR1, handle)
ringer = threading.Thread(target=ring)
ringer.start()
while n_handled < 100:
    check_map(100_000)
    assert list(lw.parallel_map(abs, iter(range(200)), workers=3, retry=lw.Retry(2))) == list(range(200))
    assert lw.gather([lw.submit(abs, -3) for _ in range(20)]) == [3] * 20
assert longest < 4, f"a shutdown took {longest:.1f} s: it has waited for a start that it had interrupted itself"
is_over.set()
ringer.join()
assert lw.shutdown(30)
atexit.register(end)
late = Late()
lw.submit(int)
