"""What pools of ours are to others: the standard library's thread pool, or, where a program's exit handlers import us first, an executor."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures.thread import BrokenThreadPool, ThreadPoolExecutor
else:
    try:
        from concurrent.futures.thread import BrokenThreadPool, ThreadPoolExecutor
    except RuntimeError:  # Python refuses that import there, so nobody else can ask for one either
        from concurrent.futures import BrokenExecutor as BrokenThreadPool
        from concurrent.futures import Executor as ThreadPoolExecutor

__all__ = ["BrokenThreadPool", "ThreadPoolExecutor"]
