"""What both default pools did."""

from __future__ import annotations

from dataclasses import fields

from lightwork._core import tallies
from lightwork._core.statistics import PoolStatistics, Statistics

__all__ = ["statistics"]

# What tells of threads, of which each pool has its own.
OF_THREADS = frozenset({"workers", "n_workers", "n_threads", "n_active"})


def statistics() -> Statistics:
    """
    Tell what the default pools did since they were made, as a frozen snapshot.

    Returns
    -------
    Statistics
        The workers of the pool for arrays, the calls and items of the one for items, and its workers, too. Worker 0 stands for all threads
        that called from outside the pool. The counters are read one by one while others may go on counting, so sums over workers can be a
        few chunks apart.

    Notes
    -----
    Thread-safe. Starts no thread. In a forked child the counters begin at zero.

    Examples
    --------
    >>> import lightwork as lw
    >>> before = lw.statistics()
    >>> handle = lw.submit(pow, 2, 10)
    >>> handle.result()
    1024
    >>> after = lw.statistics()
    >>> after.submitted - before.submitted, after.finished - before.finished, after.waiting
    (1, 1, 0)
    """
    from lightwork._core import items  # noqa: PLC0415 - who only works on arrays has not imported it

    arrays, shared = tallies.statistics(), items.statistics()
    counted = {field.name: getattr(arrays if field.name in OF_THREADS else shared, field.name) for field in fields(PoolStatistics)}
    return Statistics(**counted, shared=shared)
