"""Errors where nobody expects them: in finalizers, in reprs, in every callback, and those of a stack or a memory that is used up."""

import asyncio
import concurrent.futures
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import checks
import numpy as np

import lightwork as lw

SECONDS = 30
shown: list[type[BaseException]] = []


class Nuisance(Exception):
    """What everything raises here."""


def nuisance(*_: object, **__: object) -> NoReturn:
    """Raise it."""
    raise Nuisance


class Finalized:
    """Raises when it is finalized."""

    __del__ = nuisance


class FinalizedError(Exception):
    """An error that raises when it is finalized."""

    __del__ = nuisance


class Unprintable:
    """Raises when anybody wants to know what it is."""

    __repr__ = __str__ = __format__ = nuisance


def made(*_: object) -> Finalized:
    """Return what nobody should let go of."""
    return Finalized()


def lost(*_: object) -> NoReturn:
    """Raise what nobody should let go of."""
    raise FinalizedError


def check_pools() -> None:
    """Make calls of all kinds; by the same worker as ever where there is only one."""
    assert pool.submit(threading.current_thread).result(SECONDS) is worker
    assert lw.gather([lw.submit(abs, -3) for _ in range(5)]) == [3] * 5
    assert list(lw.parallel_map(abs, [-1, -2], retry=lw.Retry())) == [1, 2]
    assert list(lw.parallel_map(abs, range(-50, 0), workers=3)) == list(range(50, 0, -1))
    checks.check_map(100_000)


# --- Finalizers -------------------------------------------------------------------------------------------------------


def finalize() -> None:
    """Let arguments, results and errors go, wherever that is; it is shown each time."""
    calls: tuple[Callable[[Finalized], object], ...] = (made, lost, repr)
    for call in calls:
        for _ in range(5):
            pool.submit(call, Finalized()).exception(SECONDS)
            lw.submit(call, Finalized()).exception(SECONDS)
            lw.parallel_map(call, [Finalized() for _ in range(5)], workers=2)
            lw.parallel_map(call, (Finalized() for _ in range(5)), workers=2, retry=lw.Retry(2, backoff=0.0))
            for _result in lw.parallel_iter(call, (Finalized() for _ in range(5)), workers=2):
                pass
    held = threading.Event()
    pool.submit(held.wait)
    assert pool.submit(made, Finalized()).cancel()
    held.set()
    assert set(shown) == {Nuisance}


# --- Reprs ------------------------------------------------------------------------------------------------------------


def read_closely(error: BaseException) -> None:
    """Have all of an error printed."""
    assert "Traceback" in "".join(traceback.format_exception(error))


def print_all() -> None:
    """Fail with arguments that cannot be printed, and print whatever there is."""
    logging.basicConfig(level=logging.DEBUG, handlers=[logging.NullHandler()])
    items = [Unprintable() for _ in range(6)]
    metrics = lw.Metrics()
    for options in ({}, {"retry": lw.Retry(2, backoff=0.0)}, {"metrics": metrics}, {"item_key": lambda item: item}, {"ordered": False}):
        for call in (nuisance, lambda item: item):
            result = lw.parallel_map(call, items, workers=2, **options)
            assert str(result)
            for _, error in result.failures():
                read_closely(error)
            for each in lw.parallel_iter(call, iter(items), workers=2, **options):
                if each.error is not None:
                    read_closely(each.error)
    for error in concurrent_errors(items):
        read_closely(error)
    assert repr(lw.submit(lambda: items[0]))
    assert repr(metrics.functions())


def concurrent_errors(items: list[Unprintable]) -> list[BaseException]:
    """Return what calls of all other kinds raise."""
    errors: list[BaseException | None] = [pool.submit(nuisance, items[0]).exception(SECONDS), lw.submit(nuisance, items[0]).exception(SECONDS)]
    calls: list[Callable[[], object]] = [
        lambda: list(lw.parallel_map(nuisance, items)),
        lambda: lw.run_tasks([lw.Task(nuisance, (item,)) for item in items])[0],
    ]
    for call in calls:
        try:
            call()
        except BaseException as error:
            errors.append(error)
    assert len(errors) == 4
    return [error for error in errors if error is not None]


# --- Callbacks --------------------------------------------------------------------------------------------------------


def call_back() -> None:
    """Give each callback there is; what it raises is its caller's, who has what was finished."""
    for options in (
        {"on_result": nuisance},
        {"on_progress": nuisance},
        {"item_key": nuisance},
        {"cost": nuisance, "rate_limit": 1000.0},
    ):
        try:
            lw.parallel_map(abs, range(20), workers=2, **options)
        except Nuisance as error:
            assert len(error.partial_result) <= 20  # type: ignore[attr-defined]
        else:
            raise AssertionError(options)
    for hook in ("backoff", "retry_if", "retry_result", "wait_from", "on_retry", "fallback"):
        result = lw.parallel_map(int, ["x", "1", "y"], workers=2, retry=lw.Retry(2, **{hook: nuisance}))  # type: ignore[arg-type]
        assert not result.ok, hook
    assert not lw.parallel_map(lambda _: lw.report_progress(1), range(3), workers=2, on_report=nuisance).ok
    token = lw.StopToken()
    token.on_stop(nuisance)
    try:
        lw.parallel_map(lambda _: token.stop(), range(100), workers=2, stop=token)
    except ExceptionGroup as group:
        assert group.exceptions
    logging.getLogger("concurrent.futures").disabled = True
    lw.submit(int).add_done_callback(nuisance)


# --- What is used up --------------------------------------------------------------------------------------------------


def descend(item: object = None) -> int:
    """Use the stack up; early 3.13s see no end of it where a default is left out."""
    return 1 + descend(item)


def devour(_: object = None) -> bytes:
    """Use more memory than there is."""
    return bytes(1 << 62)


async def descend_async(_: object) -> int:
    """Use the stack up, in an event loop."""
    return descend()


def use_up(call: Callable[..., Any], kind: type[BaseException]) -> None:
    """Make such a call in all ways, and in callbacks; it is its own outcome, and nobody else's."""
    for _ in range(10):
        assert isinstance(pool.submit(call).exception(SECONDS), kind)
        assert isinstance(lw.submit(call).exception(SECONDS), kind)
        assert all(isinstance(error, kind) for _, error in lw.parallel_map(call, range(5), workers=2).failures())
        result = lw.parallel_map(call, range(5), workers=2, retry=lw.Retry(2, backoff=0.0))
        assert [type(error) for _, error in result.failures()] == [kind] * 5
        assert [type(each.error) for each in lw.parallel_iter(call, range(5), workers=2)] == [kind] * 5
        try:
            lw.chunked_map(call, np.arange(10), chunk_size=1, workers=2)
        except kind:
            pass
        else:
            raise AssertionError("nothing was raised")
        assert isinstance(pool.submit(lw.gather, [pool.submit(call)]).exception(SECONDS), kind)
    failures = asyncio.run(lw.async_parallel_map(descend_async, range(3))).failures()
    assert [type(error) for _, error in failures] == [RecursionError] * 3
    logging.getLogger("concurrent.futures").disabled = True
    pool.submit(int).add_done_callback(call)
    assert isinstance(concurrent.futures.wait([pool.submit(call)]).done.pop().exception(), kind)


WAYS: dict[str, Callable[[], None]] = {
    "finalizers": finalize,
    "reprs": print_all,
    "callbacks": call_back,
    "recursion": lambda: use_up(descend, RecursionError),
    "memory": lambda: use_up(devour, MemoryError),
}

sys.unraisablehook = lambda told: shown.append(told.exc_type)
pool = lw.Pool(1)
worker = pool.submit(threading.current_thread).result(SECONDS)
WAYS[sys.argv[1]]()
check_pools()
assert sys.argv[1] == "finalizers" or not shown, shown
pool.shutdown()
assert lw.shutdown(SECONDS)
