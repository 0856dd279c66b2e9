"""The garbage collector comes by, again and again: while pools sleep, while they work, and upon pools and handles in cycles."""

import gc
import sys
import threading
import weakref

import checks

import lightwork as lw

SECONDS = 30


def do_some_work() -> None:
    """Use the pools."""
    checks.check_map(50_000)
    assert lw.gather([lw.submit(abs, -3), pool.submit(abs, -4)]) == [3, 4]
    assert list(lw.parallel_map(abs, range(100), workers=3)) == list(range(100))
    assert list(lw.parallel_map(abs, iter(range(100)), workers=3, retry=lw.Retry(2))) == list(range(100))
    assert sum(result.value or 0 for result in lw.parallel_iter(abs, range(100), workers=2)) == 4950


def while_idle() -> None:
    """Collect when all threads sleep."""
    do_some_work()
    for _ in range(100):
        gc.collect()
    do_some_work()


def while_busy() -> None:
    """Collect in a thread of its own, in calls, and at nearly every allocation."""
    is_over = threading.Event()

    def hammer() -> None:
        while not is_over.is_set():
            do_some_work()

    hammers = [threading.Thread(target=hammer) for _ in range(3)]
    for thread in hammers:
        thread.start()
    for _ in range(20):
        gc.collect()
        pool.submit(gc.collect).result(SECONDS)
        lw.parallel_map(lambda _: gc.collect(), range(3), workers=2)
    gc.set_threshold(20)
    for _ in range(3):
        do_some_work()
    is_over.set()
    for thread in hammers:
        thread.join()


class Owner:
    """Has a pool, calls and a stream, which refer to it."""

    def __init__(self) -> None:
        self.pool = lw.Pool(2)
        self.handles = [self.pool.submit(self.call, number) for number in range(20)]
        self.handles[-1].add_done_callback(self.call)
        self.stream = lw.parallel_iter(self.call, range(20), executor=self.pool)
        next(self.stream)

    def call(self, number: object) -> "Owner":
        """Return the cycle."""
        return self


def cycles() -> None:
    """Forget pools in the midst of their work, which only the collector finds; nothing of them is left in the end."""
    gone = [weakref.ref(Owner()) for _ in range(20)]
    for _ in range(1000):
        gc.collect()
        if all(reference() is None for reference in gone):
            break
        threading.Event().wait(0.005)
    assert [reference() for reference in gone] == [None] * 20
    do_some_work()


pool = lw.Pool(2)
{"idle": while_idle, "busy": while_busy, "cycles": cycles}[sys.argv[1]]()
