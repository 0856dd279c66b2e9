"""What a caller gets in the end: a result, a list, or an exception."""

from __future__ import annotations

from typing import Any

from lightwork._errors import Aborted, TimedOut
from lightwork.engine.run import Run
from lightwork.tasks.harvest import Harvest
from lightwork.tasks.options import Options

__all__ = ["conclude", "raise_early_end"]


def conclude(run: Run, harvest: Harvest, options: Options) -> Any:
    """Return what was asked for, or raise what there is to be raised."""
    _raise_from_outside(run)
    error = harvest.first_error() if options.errors == "raise" else None
    result = harvest.result()
    if error is not None:
        result.failures()  # which gives them their notes
        raise error
    return result.outcomes() if options.errors == "return" else result


def raise_early_end(run: Run, failure: Exception | None) -> None:
    """Raise what a reader of a stream has to know who has seen its last result: that it was not the last item's, or what a callback of his raised."""
    if failure is not None:
        raise failure
    _raise_from_outside(run)
    if run.status == "timed out":
        raise TimedOut("the run's timeout was over before all items had their turn")
    if run.status == "aborted":
        raise Aborted(f"the run ended before all items had their turn: {run.reason}")


def _raise_from_outside(run: Run) -> None:
    """Raise Ctrl-C that an item met, in the place of whoever ran it, or what the source failed with."""
    if isinstance(run.reason, KeyboardInterrupt):
        raise run.reason
    if run.source_error is not None:
        raise run.source_error
