"""Uses that must type-check, with the types that they have. Never run."""

import ctypes
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
import numpy.typing as npt

import lightwork as lw
import lightwork.numpy as lnp
from lightwork import (
    Handle,
    ItemResult,
    LightworkError,
    ParallelResult,
    Pool,
    PoolStatistics,
    ProcessDecision,
    RetryInfo,
    RunStatus,
    Stopped,
    WorkerStatistics,
)
from lightwork.testing import MockClock, no_backoff

Floats = npt.NDArray[np.float64]


def over_arrays(x: Floats, y: Floats, out: Floats) -> None:
    """A result has the type of `out` where that is given, and NumPy's freedom where it is not."""
    assert_type(lw.chunked_map(np.add, x, y, out=out), Floats)
    assert_type(lw.chunked_map(np.modf, x, out=(out, y)), tuple[Floats, Floats])
    assert_type(lw.chunked_map(np.sqrt, [1.0, 2.0]), Any)
    lw.chunked_map(np.hypot, x, 2, dtype=np.float32, workers=2, chunk_size=np.int64(1000))
    lw.chunked_map(halves, x, axis=-2, dtype="f4")
    assert_type(lw.chunked_map(halves, x, out=out, executor="process"), Floats)
    assert_type(lw.shared_empty((2, 3), np.float32, order="F"), npt.NDArray[Any])
    lw.chunked_map(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(abs), x)


@lw.fuse
def scaled(x: Floats, by: float) -> Floats:
    """A fused function."""
    return x * by


class Lens:
    """Has a fused method."""

    @lw.fuse
    def bend(self, x: Floats) -> Floats:
        """What is bound to an instance."""
        return x * 2


def over_fused(x: Floats, out: Floats) -> None:
    """A fused function takes `out`, and its reductions NumPy's keywords; bound to an instance it does the same."""
    scaled(x, 2.0, out=out)
    Lens().bend(x, out=out)
    for fused in (scaled, Lens.bend, Lens().bend):
        fused.sum(x, axis=0, dtype="f4", out=out, keepdims=True, initial=0, where=x > 0)
        fused.nanvar(x, axis=(0, 1), ddof=1)
        fused.average(x, weights=x)
        fused.histogram(x, bins=[0.0, 1.0], density=True)
        fused.minmax(x)
        fused.explain(x)


def halves(part: Floats) -> Floats:
    """A callable that returns its chunk's result."""
    return part / 2


def over_chunks(part: Floats, *, out: Floats) -> None:
    """A callable that writes into the chunk's part of `out`."""
    np.negative(part, out=out)


def over_reductions(x: Floats, out: Floats) -> None:
    """A reduction has NumPy's freedom; what is mapped and combined may be anything."""
    assert_type(lw.reduce(np.add, x), Any)
    lw.reduce(np.maximum, [1, 2, 3], axis=(0,), keepdims=True, initial=0, where=True, workers=2)
    lw.reduce(np.add, x, -1, "f4", out)
    assert_type(lw.accumulate(np.multiply, x, axis=np.int64(0), out=out, workers=3), Any)
    smallest, largest = lw.minmax(x, axis=0)
    assert_type((smallest, largest), tuple[Any, Any])
    assert_type(lw.map_reduce(halves, x, [1.0], combine=np.add, initial=None, chunk_size=10, axis=1), Any)


def with_settings(x: Floats) -> None:
    """Configuration as a statement and as a block."""
    lw.configure(workers=2)
    lw.configure(workers=None)
    lw.configure(shared_memory="/tmp")
    lw.configure(shared_memory=Path("/tmp"))
    lw.configure(shared_memory=None)
    lw.configure(retry=lw.Retry(3), rate_limit=10, timeout=timedelta(minutes=1), executor="serial", stop=lw.StopToken(), window=None)
    lw.configure(executor="auto")
    with lw.configure(workers=1) as settings:
        assert_type(settings.workers, int | None)
        lw.chunked_map(over_chunks, x, out=x)
    assert_type(lw.cpu_budget(), int)
    assert_type(lw.__version__, str)


def with_submitted_calls(anybodys: Future[str]) -> None:
    """Waiting keeps the types of results."""
    handle = lw.submit(divmod, 7, 2)
    assert_type(handle, Handle[tuple[int, int]])
    assert_type(lw.gather([handle]), list[tuple[int, int]])
    assert_type(lw.gather([anybodys], return_exceptions=True), list[str | BaseException])
    for future in lw.as_completed([anybodys], timeout=1.5):
        assert_type(future.result(), str)
    done, not_done = lw.wait([handle, anybodys], return_when="FIRST_COMPLETED")
    assert_type(done, set[Future[Any]])
    assert_type(not_done, set[Future[Any]])
    assert_type(lw.shutdown(1.5, cancel_pending=True), bool)


def with_metrics() -> None:
    """What is measured has types of its own."""
    metrics = lw.Metrics()
    lw.parallel_map(abs, [-1], metrics=metrics)
    measured = metrics.of(abs)
    assert_type(measured, lw.FunctionMetrics)
    assert_type(measured.mean, float)
    assert_type(measured.slowest[0], lw.SlowCall)
    assert_type(metrics.functions(), dict[str, lw.FunctionMetrics])


def with_a_pool(executor: Executor) -> Future[str]:
    """A pool is an executor, and a handle a future of what the function returns."""
    with Pool(max_workers=4) as pool:
        handle = pool.submit(round, 3.14159, ndigits=2)
        assert_type(pool.submit(len, "abc"), Handle[int])
        assert_type(pool.submit(len, "abc").result(timeout=1.0), int)
        assert_type(handle.exception(), BaseException | None)
        assert_type(pool.statistics(), PoolStatistics)
        assert_type(pool.health(), lw.Health)
        assert_type(pool.health().oldest_seconds, float | None)
        executor = pool
    pool.shutdown(wait=False, cancel_futures=True)
    return executor.submit(str, 1)


def with_processes(executor: Executor) -> Future[str]:
    """A pool of processes is an executor, too, and worker processes are one by name."""
    result = lw.parallel_map(len, ["a"], executor="process")
    assert_type(result, ParallelResult[int])
    assert_type(next(error for _, error in result.failures() if isinstance(error, lw.WorkerLost)).exit_code, int | None)
    with lw.ProcessPool(2, max_tasks_per_child=10) as pool:
        assert_type(pool.submit(len, "abc").result(timeout=1.0), int)
        lw.parallel_map(len, ["a"], executor=pool)
        executor = pool
    return executor.submit(str, 1)


class DaskClient:
    """As dask's looks to a type checker."""

    status: str
    loop: object
    scheduler: object

    @property
    def asynchronous(self) -> bool:
        """Whether it is."""
        return False

    def submit(self, func: Any, *args: Any, key: Any = None, **kwargs: Any) -> Any:
        """Return a future of the call."""

    def nthreads(self, workers: Any = None, **kwargs: Any) -> dict[str, int]:
        """Return threads by worker."""
        raise NotImplementedError

    def run(self, function: Any, *args: Any, wait: bool = True, **kwargs: Any) -> Any:
        """Call in each worker."""

    def run_on_scheduler(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Call in the scheduler."""


def with_other_executors(executor: Executor, client: DaskClient) -> None:
    """Whoever runs the items, what comes of them has its types."""
    assert_type(lw.parallel_map(len, ["a"], executor=executor), ParallelResult[int])
    assert_type(lw.parallel_map(len, ["a"], executor=client), ParallelResult[int])
    assert_type(lw.parallel_map(len, ["a"], executor="interpreter"), ParallelResult[int])
    lw.configure(executor=client)


def with_a_result(result: ParallelResult[float]) -> Sequence[object]:
    """A result is a sequence of what the function returns, and says of what type each of its views is."""
    assert_type(result[0], float)
    assert_type(result[1:], list[float])
    assert_type(list(result), list[float])
    assert_type(result.values(), list[float])
    assert_type(result.ok_values(), list[float])
    assert_type(result.successes(), list[tuple[int, float]])
    assert_type(result.failures(), list[tuple[int, BaseException]])
    assert_type(result.outcomes(), list[float | BaseException])
    assert_type(result.status, RunStatus)
    assert_type(result.ok, bool)
    if result.decision is not None:
        assert_type(result.decision.choice, Literal["serial", "thread", "process"])
        assert_type(result.decision.reason, str)
    return result


def with_item_results(result: ParallelResult[str]) -> ParallelResult[object]:
    """What is known of an item: its value may be missing until it is unwrapped."""
    for item in result.item_results():
        assert_type(item, ItemResult[str])
        assert_type(item.value, str | None)
        assert_type(item.error, BaseException | None)
        assert_type(item.unwrap(), str)
        assert_type(item.attempts, int)
        assert_type(item.duration, float | None)
    for _, outcome in result.item_results():
        assert_type(outcome, Any)
    return result


def with_helpers() -> int:
    """A word has a plain answer, and a function a decision."""
    assert_type(lw.should_use_processes("cpu"), bool)
    assert_type(lw.should_use_processes(len, ["a", "b"], n_items=1000, seconds=0.1), ProcessDecision)
    assert_type(lw.should_use_processes(len, ["a"]).reasons, tuple[str, ...])
    assert_type(lw.is_picklable(lw), bool)
    lw.check_cancelled()
    lw.report_progress(0.5, total=1)
    return sum(len(problem.path) for problem in lw.explain_pickle(lw).problems)


def with_statistics() -> WorkerStatistics:
    """Statistics are numbers by worker and in sum."""
    statistics = lw.statistics()
    assert_type(statistics.chunks, int)
    assert_type(statistics.workers[0].busy_seconds, float)
    assert_type(statistics.waiting, int)
    assert_type(statistics.shared, PoolStatistics)
    return statistics.workers[0]


@lw.Retry(5, backoff=0.5, on=(ConnectionError, TimeoutError), on_retry=print)
def fetch(url: str, *, timeout: float = 1.0) -> bytes:
    """Stand for a function that fails now and then."""
    return url.encode()


@lw.Retry.for_http(attempts=3, statuses={503}, jitter="equal")
async def fetch_later(url: str) -> bytes:
    """Stand for an async one."""
    return url.encode()


async def with_retries(retry: lw.Retry) -> bytes:
    """A decorated function has the types that it had, and a call by a policy those of the function."""
    assert_type(fetch("url", timeout=2.0), bytes)
    assert_type(await fetch_later("url"), bytes)
    assert_type(retry.call(divmod, 7, 2), tuple[int, int])
    assert_type(await retry.acall(fetch_later, "url"), bytes)
    lw.Retry(None, max_elapsed=10, backoff=lambda attempt: attempt / 2, retry_result=lambda value: value is None, when="end")
    lw.Retry(retry_if=is_busy, wait_from=lambda error: getattr(error, "wait", None), on_retry=when_retried, fallback=str, seed=1)
    return await lw.Retry().acall(fetch_later, url="url")


def is_busy(error: OSError) -> bool:
    """A condition of errors of one type."""
    return error.errno == 11


def when_retried(info: RetryInfo) -> None:
    """A hook."""
    assert_type(info.attempt, int)
    assert_type(info.error, Exception | None)
    assert_type(info.delay, float)


@lw.parallel(workers=2, progress=True)
def double(x: int) -> int:
    """Stand for a decorated function."""
    return 2 * x


def over_items(words: list[str], limiter: lw.Limiter) -> None:
    """A call over items has values of the function's type, or exceptions in their places if these are asked for."""
    assert_type(lw.parallel_map(len, words), ParallelResult[int])
    assert_type(lw.parallel_map(len, words, errors="raise", progress=None, ordered=None), ParallelResult[int])
    assert_type(lw.parallel_map(len, words, return_exceptions=True, workers=3), list[int | BaseException])
    assert_type(lw.parallel_starmap(double, [(7,)], errors="return"), list[int | BaseException])
    lw.parallel_map(len, words, rate_limit=limiter, cost=(1, 2.5), rng=[1, 2], task_timeout=timedelta(seconds=1))
    lw.parallel_map(len, words, rate_limit=lw.Limiter.all(limiter, lw.Limiter(5)), cost=lambda word: (1, len(word)))
    for result in lw.parallel_iter(len, words, ordered=True, return_exceptions=True):
        assert_type(result, ItemResult[int])
    assert_type(lw.run_tasks([lw.Task(len, ("a",)), lw.Task(double, {"x": 1})]), ParallelResult[int])
    assert_type(lw.map_stages(words, len, lw.Stage(abs, workers=1)), ParallelResult[Any])
    assert_type(lw.map_stages(words, len, errors="return"), list[Any])
    assert_type(double(1), int)
    assert_type(double.map([1, 2]), ParallelResult[int])
    assert_type(double.map([1, 2], errors="return"), list[int | BaseException])
    assert_type(double.starmap([(1,)], return_exceptions=True), list[int | BaseException])
    assert_type(double.submit(1), Handle[int])


async def over_items_in_a_loop(urls: list[str]) -> None:
    """So has one of an async function."""
    assert_type(await lw.async_parallel_map(fetch_later, urls), ParallelResult[bytes])
    assert_type(await lw.async_parallel_map(fetch_later, urls, return_exceptions=True), list[bytes | BaseException])
    assert_type(await lw.async_parallel_starmap(fetch_later, [(url,) for url in urls], errors="raise"), ParallelResult[bytes])
    assert_type(await lw.async_parallel_starmap(fetch_later, [("a",)], errors="return"), list[bytes | BaseException])
    async for result in lw.async_parallel_iter(fetch_later, urls, ordered=True):
        assert_type(result, ItemResult[bytes])


async def with_limits(token: lw.StopToken) -> None:
    """Limiters and stop tokens in threads and in event loops."""
    requests, tokens = lw.Limiter(10), lw.Limiter(lw.RateLimit(90, "minute", burst=5))
    with lw.Limiter.all(requests, tokens) as both:
        assert_type(both, lw.Limiter)
        assert_type(both.try_acquire((1, 2.5)), bool)
    async with requests:
        assert_type(await tokens.acquire_async(timeout=1, cost=2), bool)
    assert_type(requests.grant(1.0), float)
    assert_type(requests.line_up(token.stop).grant(1.0, cost=1), float)
    assert_type(requests.start(1.0, cost=1) + requests.look(1.0), float)
    assert_type(requests.statistics().waiting, int)
    requests.pause(3)
    unsubscribe = lw.StopToken.linked(token, lw.StopToken()).on_stop(requests.resume)
    assert_type(token.wait(timeout=0.5), bool)
    assert_type(token.reason, object)
    await token
    unsubscribe()


def with_test_tools() -> float:
    """A clock that is told to go, and no back-off."""
    with MockClock(wall=1e9, autojump=True) as clock, no_backoff():
        clock.advance(1)
        return clock.now()


def with_errors(x: Floats) -> Exception | None:
    """All errors of our own are of one kind."""
    try:
        lw.chunked_map(np.exp, x)
    except Stopped as stopped:
        return stopped
    except LightworkError as error:
        return error
    return None


def with_numpys_namespace(x: Floats) -> Floats:
    """To a type checker the namespace is NumPy."""
    assert_type(lnp.exp(x), npt.NDArray[Any])
    assert_type(lnp.pi, float)
    return lnp.linspace(0, 1, lnp.exp.nin)
