"""Worker processes for items that nobody said could be sent to one."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from typing import Any

from lightwork.executors.futures import Outcome, run_items
from lightwork.executors.process.company import Company, Done, UnloadableError, kit_for
from lightwork.executors.process.parcels import Parcel
from lightwork.executors.process.worker import Lost, Worker
from lightwork.executors.stealing import Threads
from lightwork.processes.files import NoRoomError
from lightwork.tasks.travel import cannot_travel

__all__ = ["WillingCompany"]


class WillingCompany(Company):
    """
    Hands out what can be pickled and what there is room for; what cannot go is run by a thread meanwhile, and its worker waits.

    Parameters
    ----------
    n_workers : int
    """

    def __init__(self, n_workers: int) -> None:
        super().__init__(n_workers, kit_for(n_workers), cannot_travel)
        self._calls: dict[bytes, Callable[[Any], Any]] = {}
        self._context = contextvars.copy_context()
        self._threads = Threads(n_workers)

    def parcel(self, call: Callable[[Any], Any]) -> Parcel:
        """Return a function of one item as it travels; it is kept, too."""
        try:
            parcel = super().parcel(call)
        except NoRoomError:
            parcel = Parcel.of(call)
        self._calls[parcel.digest] = call
        return parcel

    def hand_out(self, worker: Worker, function: Parcel, items: Sequence[Any], done: Done, start: int | None = None) -> None:
        """Have items run by a worker; or by a thread, if they cannot be sent, or not be loaded there."""

        def receive(outcome: Outcome | Lost) -> None:
            if isinstance(outcome, Outcome) and isinstance(outcome.error, UnloadableError):
                self._run_here(function, items, done)
            else:
                done(outcome)

        try:
            super().hand_out(worker, function, items, receive, start)
        except (TypeError, NoRoomError):  # what cannot be pickled comes as the former, whatever pickling said
            self._run_here(function, items, done)

    def _run_here(self, function: Parcel, items: Sequence[Any], done: Done) -> None:
        def run(failure: BaseException | None = None) -> None:
            done(self._context.copy().run(run_items, self._calls[function.digest], items) if failure is None else Outcome([], [0.0], failure))

        self._threads.spawn(run)
