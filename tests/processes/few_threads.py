"""The system gives some threads and then no more: a pool works with those that it has, says so where it has none, and grows when it can."""

import logging
import resource
import threading
import time
from pathlib import Path

from checks import check_map

import lightwork as lw

N_WORKERS = 8
STACK = 256 << 20
SECONDS = 30


def allow(n_threads: int) -> None:
    """Leave address space for the stacks of so many more threads, and for some objects; or take the limit back."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + n_threads * (STACK + (1 << 20)) + STACK // 2
    resource.setrlimit(resource.RLIMIT_AS, (most if n_threads < N_WORKERS else resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def slowly(number: int) -> int:
    """Take long enough that others are called."""
    time.sleep(0.005)
    return -number


def work_in(pool: lw.Pool) -> int:
    """Make more calls than there may be threads, in all ways; return how many there are."""
    handles = [pool.submit(slowly, number) for number in range(40)]
    assert [handle.result(SECONDS) for handle in handles] == [-number for number in range(40)]
    assert list(pool.map(slowly, range(20))) == [-number for number in range(20)]
    assert list(lw.parallel_map(slowly, range(40), executor=pool, chunk_size=1)) == [-number for number in range(40)]
    return pool.statistics().n_threads


def work() -> None:
    """Do so in threads that all calls share."""
    assert lw.gather([lw.submit(slowly, number) for number in range(40)]) == [-number for number in range(40)]
    assert list(lw.parallel_map(slowly, range(40), workers=N_WORKERS)) == [-number for number in range(40)]
    assert list(lw.parallel_map(slowly, range(40), workers=N_WORKERS, retry=lw.Retry(2))) == [-number for number in range(40)]
    check_map(200_000, workers=N_WORKERS)


told: list[str] = []
logging.getLogger("lightwork").addHandler(type("Listener", (logging.Handler,), {"emit": lambda _, record: told.append(record.getMessage())})())
threading.stack_size(STACK)  # of all threads, those of the default pools included
check_map(100_000, workers=1)  # whatever is to be imported is there
assert list(lw.parallel_map(abs, [-1], workers=1, retry=lw.Retry(2))) == [1]
pool = lw.Pool(N_WORKERS)

allow(0)
for submit in (pool.submit, lw.submit):
    try:
        submit(int)
    except RuntimeError as error:
        assert "thread" in str(error), error
    else:
        raise AssertionError("a call was taken that nobody can make")
assert list(lw.parallel_map(slowly, range(20), workers=N_WORKERS)) == [-number for number in range(20)]  # by the caller alone
check_map(200_000, workers=N_WORKERS)
assert pool.statistics().n_threads == 0
assert any("could not be started, there are 0" in message for message in told), told

allow(3)
assert 1 <= work_in(pool) <= 3
pool.shutdown()
work()
assert lw.shutdown(SECONDS)

pool = lw.Pool(N_WORKERS)
allow(1)
assert 1 <= work_in(pool) <= 3
allow(N_WORKERS)
assert work_in(pool) == N_WORKERS
work()
