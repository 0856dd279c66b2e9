"""What a pool is told of the runs over items that it has seen."""

from __future__ import annotations

from lightwork._core.items import shared_core
from lightwork._core.pool import Core
from lightwork.engine.run import Run

__all__ = ["Account"]


class Account:
    """
    Counts what became of a run's items with a pool.

    Parameters
    ----------
    run : Run
        Of which to tell.
    core : Core, optional
        Whose statistics have it. Default: the pool that all runs share, also for those that have their workers elsewhere.
    """

    def __init__(self, run: Run, core: Core | None = None) -> None:
        self._run = run
        self._core = core or shared_core()
        self._told: tuple[int, int, int, int] = (0, 0, 0, 0)

    def settle(self) -> None:
        """Tell the pool what it does not know yet."""
        run, told = self._run, self._told
        self._told = (run.n_finished, run.n_failed, run.n_retried, run.n_throttled)
        finished, failed, retried, throttled = (number - known for number, known in zip(self._told, told, strict=True))
        self._core.count_items(finished, failed, retried, throttled)
