"""Leaves the process, or tries to, from within a call."""

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

import checks  # noqa: F401 - which makes threads eager
import numpy as np

import lightwork as lw

STATUS = 7
for_ever = threading.Event()


def leave(_: Any = None) -> None:
    """Leave, in the way that was asked for, while another call goes on for ever."""
    match sys.argv[1]:
        case "_exit":
            os._exit(STATUS)
        case "exit of C":
            ctypes.CDLL(None).exit(STATUS)
        case "sys.exit":
            sys.exit(STATUS)


def in_a_callback() -> None:
    """Leave in a done-callback."""
    lw.submit(int).add_done_callback(leave)


pool = lw.Pool(2)
PLACES: dict[str, Callable[[], object]] = {
    "call": lambda: lw.submit(leave).result(),
    "call of a pool": lambda: pool.submit(leave).result(),
    "callback": in_a_callback,
    "item": lambda: lw.parallel_map(leave, range(5), workers=3),
    "item with a policy": lambda: lw.parallel_map(leave, range(5), workers=3, retry=lw.Retry(3)),
    "stream": lambda: list(lw.parallel_iter(leave, range(5), workers=2)),
    "chunk": lambda: lw.chunked_map(leave, np.arange(100), chunk_size=1, workers=2),
}
if sys.argv[1] == "sys.exit":
    assert isinstance(lw.submit(leave).exception(), SystemExit)
    assert isinstance(pool.submit(leave).exception(), SystemExit)
    for place in ("item", "item with a policy"):
        assert [type(error) for _, error in PLACES[place]().failures()] == [SystemExit] * 5  # type: ignore[attr-defined]
    assert [type(result.error) for result in lw.parallel_iter(leave, range(5), workers=2)] == [SystemExit] * 5
    assert lw.gather([lw.submit(int, "7"), pool.submit(int, "8")]) == [7, 8]
    PLACES["chunk"]()  # as a loop would: here, in the caller's thread, it is the program's end
pool.submit(for_ever.wait)
PLACES[sys.argv[2]]()
for_ever.wait()
