"""The system gives threads, and then no memory to them: without a GIL each has its own, and cannot begin."""

import resource
import sysconfig
import threading
from pathlib import Path

from checks import check_map
from lightwork._core.launch import launch

import lightwork as lw

SECONDS = 30
N_WORKERS = 4
STACK = 1 << 20
FEW = 20  # megabytes: without a GIL a thread asks for 32
MOST_REUSED = 6  # threads that may come to have the memory of others that have ended


def allow(n_megabytes: int | None) -> None:
    """Leave so much address space, or any amount."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = resource.RLIM_INFINITY if n_megabytes is None else used + n_megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def begun() -> bool:
    """Try whether a thread begins; one that does stays, and with it the memory that it has."""
    thread = threading.Thread(target=end.wait, args=(SECONDS,), daemon=True)
    try:
        launch(thread)
    except MemoryError:
        assert thread not in threading.enumerate()
        return False
    return True


def share() -> None:
    """Do what a caller can do alone, too."""
    assert list(lw.parallel_map(abs, range(-20, 0), workers=N_WORKERS)) == list(range(20, 0, -1))
    check_map(50_000, workers=N_WORKERS)


threading.stack_size(STACK)
check_map(100_000, workers=1)  # whatever is to be imported is there
assert list(lw.parallel_map(abs, [-1], workers=1, retry=lw.Retry(2))) == [1]
pool = lw.Pool(N_WORKERS)
end = threading.Event()

allow(FEW)
is_free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
assert all(begun() for _ in range(MOST_REUSED)) is not is_free_threaded
if is_free_threaded:
    for needs_a_thread in (
        lambda: pool.submit(int),
        lambda: lw.submit(int),
        lambda: lw.parallel_map(abs, [-1], workers=2, retry=lw.Retry(2)),
    ):
        try:
            needs_a_thread()
        except MemoryError as error:
            assert "thread" in str(error), error
        else:
            raise AssertionError("a call was taken that nobody can make")
    assert pool.statistics().n_threads == 0
share()

allow(None)
assert begun()
end.set()
assert [handle.result(SECONDS) for handle in [pool.submit(abs, -number) for number in range(100)]] == list(range(100))
assert list(lw.parallel_map(abs, range(-20, 0), workers=N_WORKERS, retry=lw.Retry(2))) == list(range(20, 0, -1))
share()
pool.shutdown()
assert lw.shutdown(SECONDS)
