"""A forked child and its parent's calls: they are the parent's, whoever asks is told so, and the pool makes the child's own."""

import os
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import as_completed, wait
from typing import Any

from checks import check_child

import lightwork as lw

release, started = threading.Event(), threading.Event()


def hold() -> str:
    """Stay in a call."""
    started.set()
    assert release.wait(30)
    return "parent's"


def is_told(ask: Callable[[], object]) -> bool:
    """Whether it is an error to wait."""
    try:
        ask()
    except RuntimeError as error:
        return "submitted before the process was forked" in str(error)
    return False


def in_child() -> None:
    """Ask for what the parent will get, then work."""
    mine: list[lw.Handle[Any]] = [running, pending]
    for handle in mine:
        assert is_told(handle.result)
        assert is_told(handle.exception)
        assert is_told(lambda: wait([handle]))  # noqa: B023 - called at once
        assert is_told(lambda: list(as_completed([handle])))  # noqa: B023
    assert done.result() == 7
    assert [handle.result(30) for handle in [pool.submit(abs, -number) for number in range(100)]] == list(range(100))
    pool.shutdown()
    try:
        closed.submit(int)
    except RuntimeError:
        return
    raise AssertionError("a pool that was shut down takes calls in the child")


pool, closed = lw.Pool(1), lw.Pool(1)
closed.shutdown()
done = pool.submit(int, "7")
assert done.result(30) == 7
running = pool.submit(hold)
assert started.wait(30)
pending = pool.submit(os.getpid)
child = os.fork()
if not child:
    status = 1
    try:
        in_child()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)
check_child(child, 30)
release.set()
assert (running.result(30), pending.result(30)) == ("parent's", os.getpid())
