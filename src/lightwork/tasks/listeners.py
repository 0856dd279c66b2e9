"""Who wants to hear how a run goes on: callbacks of the caller's, called in his own thread."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from lightwork.engine.chunk import Block
from lightwork.tasks.drive import Driven
from lightwork.tasks.item_result import ItemResult, row_of_results
from lightwork.tasks.options import Options
from lightwork.tasks.progress import Throttle, followed

__all__ = ["Listeners", "item_results"]


def item_results(block: Block, keys: Any = None) -> list[ItemResult[Any]]:
    """Return what came of each item of a block."""
    if block.error is not None:
        key = keys[block.start] if keys else None
        return [ItemResult(block.start, key, None, block.error, block.attempts, block.duration(0), block.queued(0))]
    return row_of_results(block.start, block.values, keys, block.attempts, block.stamps, block.began, block.admitted)


class Listeners:
    """
    Tells the caller's functions what happens.

    Parameters
    ----------
    options : Options
        Which say what these are.

    Attributes
    ----------
    failure : Exception or None
        What one of them raised, where :meth:`try_to_tell` kept it for later.
    """

    def __init__(self, options: Options) -> None:
        self.failure: Exception | None = None
        self._options = options
        self._throttle: Throttle | None = None

    @property
    def are_any(self) -> bool:
        """Whether anybody listens."""
        options = self._options
        return options.on_progress is not None or options.on_result is not None or options.progress

    @contextlib.contextmanager
    def follow(self, drive: Driven) -> Generator[None]:
        """Be ready to tell of a run, and in the end, unless it breaks off, tell the last numbers."""
        with followed(self._options.on_progress, progress=self._options.progress, now=drive.clock.now) as self._throttle:
            yield
            if self._throttle is not None and self.failure is None:
                self._throttle.finish(drive.run.n_finished, _total(drive))

    def due(self) -> float | None:
        """When there is something to tell that was held back; None if there is not."""
        return None if self._throttle is None else self._throttle.due

    def tell(self, drive: Driven, block: Block | None) -> None:
        """Tell of what was done; or with None of what was held back."""
        if block is not None and self._options.on_result is not None:
            for result in item_results(block, drive.feed.keys):
                self._options.on_result(result)
        if self._throttle is not None:
            self._throttle.update(drive.run.n_finished, _total(drive))

    def try_to_tell(self, drive: Driven, block: Block | None) -> Exception | None:
        """Do that as long as none of them raises; return what one raises now."""
        if self.failure is None:
            try:
                self.tell(drive, block)
            except Exception as error:
                self.failure = error
                return error
        return None


def _total(drive: Driven) -> int:
    """Return how many items there are, or as far as is known yet."""
    if drive.run.is_exhausted:
        return drive.run.n_admitted
    return max(drive.feed.n_items or 0, drive.run.n_admitted)
