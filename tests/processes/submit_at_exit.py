"""Handlers that were registered before the package run after it has finished its calls: a submit there is refused, and says so."""

import atexit
from typing import Any

pool: Any = None


def submit_late() -> None:
    """Submit when no worker would make the call any more."""
    try:
        pool.submit(int)
    except RuntimeError as error:
        print(error)


atexit.register(submit_late)

import lightwork as lw  # noqa: E402  the order is the point

pool = lw.Pool(1)
pool.submit(int).result()  # from 3.12 on no thread is started at exit
atexit.register(lambda: pool.submit(print, "in time"))
