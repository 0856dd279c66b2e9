"""The workers of a pool of processes, and the calls that wait for them."""

from __future__ import annotations

import signal
import threading
from collections import deque
from concurrent.futures import BrokenExecutor
from functools import partial
from typing import Any

from lightwork.executors.futures import Outcome
from lightwork.executors.process.company import Company
from lightwork.executors.process.worker import Kit, Lost, Worker
from lightwork.executors.process.workshop import WORKSHOP
from lightwork.tasks.order import Order
from lightwork.tasks.travel import cannot_travel

__all__ = ["Staff"]


class Staff:
    """
    Makes calls in the order in which they come, in as many workers at a time as there may be.

    Parameters
    ----------
    n_workers : int
    kit : Kit
        What workers are started with, this staff's alone.

    Attributes
    ----------
    failure : BaseException or None
        Why no worker can be had any more.
    is_closed : bool
        Whether no calls come any more.
    has_ended : Event
        Set when all calls are made after that.
    """

    def __init__(self, n_workers: int, kit: Kit) -> None:
        self.kit = kit
        self.failure: BaseException | None = None
        self.is_closed: bool = False
        self.has_ended: threading.Event = threading.Event()
        self._most = n_workers
        self._company = Company(n_workers, kit, cannot_travel)
        self._pending: deque[Order[Any]] = deque()
        self._n_workers = 0  # that were summoned and have not gone
        self._at_work: dict[Order[Any], Worker] = {}
        self._lock = threading.RLock()  # for signal handlers submit, too

    def add(self, order: Order[Any]) -> None:
        """Take a call."""
        self._pending.append(order)
        self._call_more()

    def close(self) -> None:
        """Take no more calls; workers end when those are made that there are."""
        self.is_closed = True
        self._call_more()

    def cancel_pending(self) -> None:
        """Cancel what has not begun."""
        for order in _taken(self._pending):
            order.cancel()
            order.set_running_or_notify_cancel()
        self._call_more()

    def end(self, by: signal.Signals) -> None:
        """End the workers at once."""
        for worker in WORKSHOP.living(self.kit):
            worker.kill(by)

    # --- Workers come and go ------------------------------------------------------------------------------------------

    def _call_more(self) -> None:
        """Have workers come for what waits; see whether all is done."""
        with self._lock:
            n_on_the_way = self._n_workers - len(self._at_work)
            n_more = max(min(len(self._pending) - n_on_the_way, self._most - self._n_workers), 0)
            self._n_workers += n_more
            is_over = self.is_closed and not self._n_workers and not self._pending
        for _ in range(n_more):
            WORKSHOP.summon(self.kit, self._arrive)
        if is_over:
            WORKSHOP.disband(self.kit)
            self.has_ended.set()

    def _arrive(self, worker: Worker | None, failure: BaseException | None) -> None:
        if worker is not None:
            self._employ(worker)
            return
        if isinstance(failure, BrokenExecutor):  # of the initializer: the next would fail, too
            self.failure = failure
        for order in _taken(self._pending):
            if order.begins():
                order.end(error=failure)
        self._count_out()

    def _count_out(self) -> None:
        with self._lock:
            self._n_workers -= 1
        self._call_more()

    def _employ(self, worker: Worker) -> None:
        """Hand a worker the next call; without one it goes."""
        while not worker.is_spent:
            order = self._next(worker)
            if order is None:
                break
            if order.begins() and self._hand_out(worker, order):
                return
            self._at_work.pop(order, None)
        self._let_go(worker)

    def _let_go(self, worker: Worker) -> None:
        WORKSHOP.put_back(worker)
        self._count_out()

    def _next(self, worker: Worker) -> Order[Any] | None:
        """Give a worker the next call; at once, for who counts the workers without one must not take it for one of them."""
        with self._lock:
            try:
                order = self._pending.popleft()
            except IndexError:
                return None
            self._at_work[order] = worker
            return order

    def _hand_out(self, worker: Worker, order: Order[Any]) -> bool:
        """Hand a call out; return whether it went."""
        try:
            call, items = order.parts()
            self._company.call(worker, call, items, partial(self._receive, order))
        except Exception as error:
            order.end(error=error)
            return False
        except BaseException as error:  # a signal handler's: the call has gone, or it has not
            if self._at_work.pop(order, None) is not None:  # nor has it come back
                worker.kill()
                order.end(error=error)
                self._let_go(worker)
            raise
        return True

    def _receive(self, order: Order[Any], outcome: Outcome | Lost) -> None:
        worker = self._at_work.pop(order, None)
        if worker is None:  # it was recalled
            return
        if isinstance(outcome, Outcome):
            order.end(outcome.values[0] if outcome.error is None else None, outcome.error)
            del order  # nothing is kept of it while the worker is at the next
            self._employ(worker)
            return
        if outcome.position is None and order.may_try_again and not self.is_closed:
            self._pending.appendleft(order)
        else:
            order.end(error=outcome.error)
        self._count_out()


def _taken(orders: deque[Order[Any]]) -> list[Order[Any]]:
    """Take all of them, as many as there are."""
    taken = list[Order[Any]]()
    while orders:
        try:
            taken.append(orders.popleft())
        except IndexError:
            break
    return taken
