"""A run's workers as somebody else's, wherever they are."""

from __future__ import annotations

import functools
import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lightwork._clock import Clock
from lightwork.engine.chunk import Chunk
from lightwork.engine.crew import Crew
from lightwork.engine.run import Run
from lightwork.engine.workers import Workers

__all__ = ["Dispatch", "Sender"]


class Sender(Workers, Protocol):
    """What hands items to workers elsewhere."""

    def hand_out(self, call: Callable[[Any], Any], items: Sequence[Any], is_wanted: Callable[[], bool], done: Callable[..., object]) -> None:
        """Have items run, as long as they are wanted; `done` takes their values, the seconds that they took, and an error or None."""
        ...

    def let_go(self) -> None:
        """Have nothing begun that was handed out and has not begun."""
        ...

    def abandon(self) -> None:
        """Give up what was handed out, also what has begun."""
        ...


class Dispatch(Crew):
    """
    Workers that are elsewhere: chunks are sent to them, and come back.

    What goes to a limiter as the start of an item is when it was handed out.
    """

    def __init__(self, run: Run, sender: Sender, clock: Clock, **more: Any) -> None:
        super().__init__(run, sender, clock, **more)
        self._sender = sender
        self._outbox: deque[Chunk] = deque()
        self._outbox_lock = threading.Lock()
        self._has_let_go = False

    def close(self, error: BaseException | None = None) -> None:
        """End the run; nobody waits for what is elsewhere."""
        super().close(error)
        self._sender.abandon()

    def _act(self, n_more: int, *, wakes: bool) -> None:
        super()._act(n_more, wakes=wakes)
        if self.run.status is not None and not self._has_let_go:
            self._has_let_go = True  # first, for what is cancelled comes back here at once
            self._sender.let_go()

    def _call(self, n_workers: int) -> None:
        for _ in range(n_workers):
            chunk = self._begin()
            if chunk is not None:
                self._outbox.append(chunk)
        self._send()
        if self._is_poked:
            self._answer()

    def _send(self) -> None:
        """Hand out what is to be, unless somebody is at it: a chunk that comes back in the middle of that does not nest."""
        while self._outbox and self._outbox_lock.acquire(blocking=False):
            try:
                while self._outbox:
                    self._hand_out(self._outbox.popleft())
            finally:
                self._outbox_lock.release()

    def _hand_out(self, chunk: Chunk) -> None:
        self._start(chunk)
        items = chunk.take_all()  # from now on they are out of reach
        self._sender.hand_out(chunk.stage.call, items, functools.partial(self._is_wanted, chunk), functools.partial(self._receive, chunk))

    def _is_wanted(self, chunk: Chunk) -> bool:
        return not chunk.is_abandoned and self.run.status is None

    def _receive(self, chunk: Chunk, values: list[Any], seconds: list[float], error: BaseException | None) -> None:
        """Take a chunk back."""
        began = self.clock.now() - sum(seconds)  # clocks of other processes may differ, but time goes by as fast
        chunk.values.extend(values)
        for position, ended in enumerate(itertools.accumulate(seconds, initial=began)):
            chunk.stamps[position] = ended
        following = self._bring_back(chunk, error, goes_on=True)
        if following is not None:
            self._outbox.append(following)
        self._send()
