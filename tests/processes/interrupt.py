"""Ctrl-C in the middle of a call: it raises in good time, once, and the next call works as if nothing had been."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType

import numpy as np
from checks import check_map
from lightwork._core.items import map_items

import lightwork as lw

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored

MAIN = threading.get_ident()

started, helping, release = threading.Event(), threading.Event(), threading.Event()
sent_at = 0.0


def in_main() -> bool:
    """Whether this is the thread that called."""
    return threading.get_ident() == MAIN


def main_is_in(code: CodeType) -> bool:
    """Whether the thread that called is somewhere inside a function."""
    frame: FrameType | None = sys._current_frames()[MAIN]
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def send() -> None:
    """Press Ctrl-C as soon as the call is under way."""
    global sent_at
    assert started.wait(20)
    sent_at = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)


def kernel() -> None:
    """Run a slow ufunc: the greatest common divisor of Fibonacci numbers takes most steps."""
    out = np.zeros(20_000_000, np.int64)

    def watch() -> None:
        while not out.any():
            time.sleep(0.001)
        started.set()

    threading.Thread(target=watch, daemon=True).start()
    lw.chunked_map(np.gcd, np.broadcast_to(7540113804746346429, out.shape), 4660046610375530309, out=out, workers=2)


def busy(chunk: np.ndarray, out: np.ndarray) -> None:
    """Run Python in the caller's thread and in the helper's, at the same time."""
    if in_main():
        assert helping.wait(20)
        started.set()
    helping.set()
    while not release.is_set():
        out[:] = chunk


def away(chunk: np.ndarray, out: np.ndarray) -> None:
    """Let the caller come to the end of its chunk, and wait, while the helper's goes on."""
    if in_main():
        assert helping.wait(20)
        return
    helping.set()
    while main_is_in(away.__code__):
        time.sleep(0.001)
    started.set()
    release.wait(20)


def nested(chunk: np.ndarray, out: np.ndarray) -> None:
    """Wait for a helper's chunk in a call within a call."""
    lw.chunked_map(away, chunk, out=out, chunk_size=1, workers=2)


def python(fn: Callable[..., None]) -> Callable[[], None]:
    """Return the call that runs this over two chunks of two."""
    return lambda: (lw.chunked_map(fn, np.zeros(4), out=np.zeros(4), chunk_size=2, workers=2), None)[1]


def result() -> None:
    """Wait for a submitted call."""
    pool = lw.Pool(1)  # imports what it takes, in the middle of which Python may show an interrupt instead of raising it
    started.set()
    pool.submit(release.wait, 20).result()


def items(fn: Callable[[int], object], n_items: int) -> Callable[[], None]:
    """Return the call that runs this over items, and raises what interrupted it."""

    def call() -> None:
        interrupt = map_items(fn, range(n_items), n_workers=2).interrupt
        if interrupt is not None:
            raise interrupt

    return call


def busy_item(item: int) -> None:
    """Run Python in the caller's thread and in the helper's, at the same time."""
    if in_main():
        assert helping.wait(20)
        started.set()
    helping.set()
    while not release.is_set():
        pass


def last_item(item: int) -> None:
    """Let the caller come to the end of its items, and wait, while the helper's goes on."""
    if in_main():
        assert helping.wait(20)
        return
    helping.set()
    while main_is_in(last_item.__code__):
        time.sleep(0.001)
    started.set()
    release.wait(20)


def many_items() -> None:
    """Run a function in C, which has no bytecode between its items."""
    started.set()
    items(bytes(100_000).count, 256)()
    while True:
        items(abs, 100_000)()


CALLS = {
    "item": items(busy_item, 2),
    "last item": items(last_item, 2),
    "items": many_items,
    "kernel": kernel,
    "chunk": python(busy),
    "helper": python(away),
    "nested": python(nested),
    "result": result,
}

threading.Thread(target=send, daemon=True).start()
try:
    CALLS[sys.argv[1]]()
except KeyboardInterrupt:
    latency = time.monotonic() - sent_at
    if len(sys.argv) > 2:
        raise
else:
    raise AssertionError("nothing was raised")
release.set()
for _ in range(20):
    check_map()
threads = lw.statistics().n_threads
assert threads <= 1, threads
print(latency)
