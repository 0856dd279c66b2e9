"""What a run brought in, put where it belongs."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from lightwork.engine.chunk import Block
from lightwork.tasks.drive import Driven
from lightwork.tasks.results import MISSING, Measured, ParallelResult, RunStatus

__all__ = ["Harvest", "carry"]


class Harvest:
    """
    Collects blocks, and makes a result of them.

    Parameters
    ----------
    drive : Driven
        Where they come from.
    is_ordered : bool
        Whether the result presents items by index, or as they were done.
    is_numbered : bool
        Whether items came along with their index.
    """

    def __init__(self, drive: Driven, *, is_ordered: bool = True, is_numbered: bool = False) -> None:
        self._drive = drive
        self._is_ordered = is_ordered
        self._is_numbered = is_numbered
        self._blocks: list[Block] = []

    def add(self, block: Block) -> None:
        """Take a block in."""
        self._blocks.append(block)

    def first_error(self) -> BaseException | None:
        """Return the failure of the first item, by index, that has one."""
        failed = [block for block in self._blocks if block.error is not None]
        return min(failed, key=_start).error if failed else None

    def result(self) -> ParallelResult[Any]:
        """Return all that came in, and why there is no more."""
        run, feed = self._drive.run, self._drive.feed
        n_items = run.n_admitted if run.is_exhausted and run.source_error is None else feed.n_items
        blocks = sorted(self._blocks, key=_start)
        failed = [block for block in blocks if block.error is not None]
        return ParallelResult(
            max(n_items or 0, run.n_admitted),
            _values(blocks),
            {block.start: block.error for block in failed if block.error is not None},
            self._status(),
            reason=run.reason if run.source_error is None else run.source_error,
            order=None if self._is_ordered else [block.start + i for block in self._blocks for i in range(len(block))],
            keys=feed.keys or None,
            measured=_Measurements(blocks),
            arguments={block.start: block.item[1] if self._is_numbered else block.item for block in failed},
            decision=self._drive.decision,
        )

    def _status(self) -> RunStatus:
        run = self._drive.run
        if run.status is not None:
            return RunStatus(run.status)
        return RunStatus.COMPLETED if run.source_error is None and run.is_over else RunStatus.ABORTED


def _start(block: Block) -> int:
    return block.start


def _values(blocks: list[Block]) -> list[Any]:
    """Return the values by index; blocks are in the order of their items, and do not overlap."""
    values: list[Any] = []
    for block in blocks:
        if block.start > len(values):
            values.extend([MISSING] * (block.start - len(values)))
        values.extend(block.values if block.error is None else [None])
    return values


class _Measurements(Mapping[int, Measured]):
    """What was measured of each item, made when it is asked for."""

    def __init__(self, blocks: list[Block]) -> None:
        self._starts = [block.start for block in blocks]
        self._blocks = [(block.attempts, block.admitted, block.began, block.stamps, len(block)) for block in blocks]

    def __getitem__(self, index: int) -> Measured:
        number = bisect_right(self._starts, index) - 1
        if number < 0:
            raise KeyError(index)
        attempts, admitted, began, stamps, n_items = self._blocks[number]
        position = index - self._starts[number]
        if position >= n_items:
            raise KeyError(index)
        first = stamps[position] if began is None else began
        return Measured(attempts, stamps[position + 1] - first, first - admitted)

    def __iter__(self) -> Any:
        for start, block in zip(self._starts, self._blocks, strict=True):
            yield from range(start, start + block[-1])

    def __len__(self) -> int:
        return sum(block[-1] for block in self._blocks)


def carry(error: BaseException, result: ParallelResult[Any]) -> None:
    """Let an exception carry what was finished before it, as its attribute ``partial_result``."""
    with contextlib.suppress(Exception):  # one that takes no attributes goes without
        vars(error)["partial_result"] = result
