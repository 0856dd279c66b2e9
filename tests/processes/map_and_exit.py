"""A program that maps and exits at once, in the ways that programs exit."""

import atexit
import sys
import threading
import time

import numpy as np
from checks import check_map, linger
from lightwork._core.items import map_items

import lightwork as lw


def hammer() -> None:
    """Map until the interpreter is gone."""
    while True:
        check_map(50_000)


def check_calls() -> None:
    """Map a Python callable on more than one thread."""
    x = np.arange(100)
    np.testing.assert_array_equal(lw.chunked_map(lambda chunk: -chunk, x, chunk_size=5, workers=2), -x)


def hammer_with_calls() -> None:
    """The same with a callable, which workers need the GIL for."""
    while True:
        check_calls()


def check_items() -> None:
    """Map items on more than one thread."""
    assert map_items(lambda item: -item, range(1000), n_workers=4).values == [-item for item in range(1000)]


def hammer_with_items() -> None:
    """Map items until the interpreter is gone."""
    while True:
        check_items()


def map_first_items() -> None:
    """Map items when nothing for items was imported before."""
    assert "lightwork.tasks" not in sys.modules
    assert lw.parallel_map(abs, [-1, 2], workers=2).values() == [1, 2]


def interrupt_first(item: int) -> None:
    """Leave the call, while other items go on."""
    if item == 0:
        raise KeyboardInterrupt
    time.sleep(0.1)


def map_after_the_end() -> None:
    """Map when the main thread has come to its end, and the interpreter waits for tasks only."""
    threading.main_thread().join()
    check_map(200_000)
    check_calls()
    print("mapped")


match sys.argv[1]:
    case "end":
        check_map(200_000)
    case "exit":
        check_map(200_000)
        sys.exit(0)
    case "exit in atexit":
        sys.unraisablehook = print  # Python tells of it, and means no harm
        atexit.register(sys.exit, 0)
        check_map(200_000)
    case "map in atexit":
        atexit.register(check_map, 200_000)
        check_map(200_000)
    case "first items in atexit":
        atexit.register(map_first_items)
    case "in a thread":
        threading.Thread(target=check_map, args=(200_000,)).start()
    case "in daemon threads":
        for _ in range(3):
            threading.Thread(target=hammer, daemon=True).start()
        check_map(200_000)
    case "submit":
        lw.Pool(2).submit(check_map, 200_000)
    case "while a task runs":
        lw.Pool(2).submit(map_after_the_end)
    case "after a pool":
        assert lw.Pool(2).submit(check_map, 200_000).result() is None
    case "after calls":
        check_calls()
    case "in daemon threads with calls":
        for _ in range(3):
            threading.Thread(target=hammer_with_calls, daemon=True).start()
        check_calls()
        linger()
    case "after items":
        check_items()
        linger()
    case "amid items":
        assert map_items(interrupt_first, range(6), n_workers=6).interrupt is not None
        linger()
    case "in daemon threads with items":
        for _ in range(3):
            threading.Thread(target=hammer_with_items, daemon=True).start()
        check_items()
        linger()
    case "exit in a thread":
        threading.Thread(target=sys.exit, args=(3,)).start()
        check_map(200_000)
    case "exit in a task":
        lw.Pool(2).submit(sys.exit, 3)
    case "exit in a chunk":
        lw.chunked_map(lambda _: sys.exit(), np.arange(100), chunk_size=5, workers=2)
        raise AssertionError("it did not exit")
    case unknown:
        raise SystemExit(f"no such way to exit: {unknown}")
