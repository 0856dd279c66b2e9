"""What pools of ours are to others: the standard library's thread pool, or, where a program's exit handlers import us first, an executor."""

from concurrent.futures import BrokenExecutor, Executor

__all__ = ["BrokenThreadPool", "ThreadPoolExecutor"]

try:
    from concurrent.futures.thread import BrokenThreadPool, ThreadPoolExecutor
except RuntimeError:  # Python refuses that import there, so nobody else can ask for one either
    BrokenThreadPool, ThreadPoolExecutor = BrokenExecutor, Executor  # type: ignore[misc,assignment]
