"""What a done-callback raises, though it be an exit, ends neither worker nor waiter nor process; it is shown, and the next calls are made."""

import sys
import threading
from typing import Any

from checks import check_map

import lightwork as lw


class Bare(BaseException):
    """Nobody's error."""


def exit_in_a_call() -> None:
    """Have an exit for an outcome, which is not the callback's."""
    raise SystemExit(4)


shown: list[tuple[type[BaseException], object]] = []
sys.unraisablehook = lambda told: shown.append((told.exc_type, told.object))


def leave_by(kind: type[BaseException], handle: lw.Handle[Any]) -> None:
    """Raise an error of this kind when the call is done."""

    def leave(_: object) -> None:
        raise kind(3)

    handle.add_done_callback(leave)


def wait_in_worker(kind: type[BaseException]) -> threading.Thread:
    """Make, while waiting, a call of one's own pool, and with it its callback."""
    handle = pool.submit(threading.current_thread)
    leave_by(kind, handle)
    return handle.result()


with lw.Pool(1) as pool:
    worker = pool.submit(threading.current_thread).result()
    for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, Bare):
        for call in (int, exit_in_a_call):
            held = threading.Event()
            pool.submit(held.wait)  # the callback is there before the call is made
            handle = pool.submit(call)
            leave_by(kind, handle)
            held.set()
            assert pool.submit(threading.current_thread).result() is worker
            assert shown.pop() == (kind, handle)
            assert not shown
        assert pool.submit(wait_in_worker, kind).result() is worker
        assert shown.pop()[0] is kind
    pool.submit(check_map).result()
