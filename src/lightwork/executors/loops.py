"""How whoever runs items gets through them: one after the other, off a queue from which others may take items back."""

from __future__ import annotations

import functools
from collections.abc import Callable, MutableSequence
from typing import Any, Protocol

from lightwork._clock import SYSTEM, Clock
from lightwork._core.stopwatch import run_chunk

__all__ = ["Loop", "Row", "loop_for", "run_chunk_by"]


class Row(Protocol):
    """Items that wait."""

    def popleft(self) -> Any:
        """Take the first; IndexError if there is none."""
        ...


#: Calls a function for each item of a queue until one fails or nothing is left, and returns what it failed with. In the stamps it sets the place
#: behind an item's to the time after it, and then appends its value.
Loop = Callable[[Callable[[Any], Any], Row, list[Any], MutableSequence[float]], BaseException | None]


def loop_for(clock: Clock) -> Loop:
    """Return the quickest loop that goes by a clock."""
    return run_chunk if clock is SYSTEM else functools.partial(run_chunk_by, clock.now)


def run_chunk_by(
    now: Callable[[], float], call: Callable[[Any], Any], queue: Row, values: list[Any], stamps: MutableSequence[float]
) -> BaseException | None:
    """Do what the compiled loop does, by any clock."""
    while True:
        try:
            item = queue.popleft()
        except IndexError:
            return None
        try:
            value = call(item)
        except BaseException as error:  # a SystemExit too is the item's own failure
            stamps[len(values) + 1] = now()
            return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        stamps[len(values) + 1] = now()
        values.append(value)
