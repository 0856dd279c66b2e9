"""The worker processes of one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from lightwork._cpus import cpu_budget
from lightwork.executors.futures import Outcome
from lightwork.executors.process.far_side import Reply
from lightwork.executors.process.parcels import Parcel, dumps, unpack
from lightwork.executors.process.surroundings import THREAD_VARIABLES, Surroundings
from lightwork.executors.process.worker import Kit, Lost, Worker
from lightwork.executors.process.workshop import WORKSHOP, Ready
from lightwork.processes.files import NoRoomError
from lightwork.processes.segments import Segments, Shipment

__all__ = ["Company", "Done", "UnloadableError", "kit_for"]

Done = Callable[[Outcome | Lost], object]
Explain = Callable[[str, object, BaseException], BaseException]


class UnloadableError(Exception):
    """A function or its items arrived in a worker, and could not be loaded there."""


def kit_for(
    n_workers: int,
    initializer: tuple[Callable[..., object], tuple[Any, ...]] | None = None,
    method: str | None = None,
    owner: object = None,
    max_items: int | None = None,
    max_bytes: int | None = None,
) -> Kit:
    """Return what so many workers are started with; a variable that the user has set stays."""
    n_threads = str(max(1, cpu_budget() // n_workers))
    variables = tuple((name, os.environ.get(name, n_threads)) for name in THREAD_VARIABLES)
    return Kit(variables, None if initializer is None else Parcel.of(initializer), method, owner, max_items, max_bytes)


class Company:
    """
    Has worker processes come, hands them items, and lets them go.

    Large arrays, of functions and of items, are put into shared memory as long as somebody needs them there.

    Parameters
    ----------
    n_workers : int
        How many there are at a time.
    kit : Kit
        What they are started with.
    explain : callable
        Returns the error to be raised for what cannot be pickled: takes what it is called, itself, and what pickling said.
    """

    is_here = False

    def __init__(self, n_workers: int, kit: Kit, explain: Explain) -> None:
        self.n_workers = n_workers
        self._kit = kit
        self._explain = explain
        self._surroundings = Parcel.of(Surroundings.here())
        self._segments = Segments()
        self._shipments: dict[bytes, Shipment] = {}  # of functions with arrays beside them

    def close(self) -> None:
        """Let go of all arrays; nothing is handed out any more."""
        self._shipments.clear()
        self._segments.close()

    def summon(self, ready: Ready) -> None:
        """Have a worker come."""
        WORKSHOP.summon(self._kit, ready)

    def release(self, worker: Worker) -> None:
        """Let a worker go, without arrays of this company's."""
        worker.forget_passing()
        WORKSHOP.put_back(worker)

    def parcel(self, call: Callable[[Any], Any]) -> Parcel:
        """Return a function of one item as it travels, for as long as there are workers of this company."""
        try:
            shipment = self._segments.dumps(call)
        except NoRoomError:
            raise
        except Exception as error:
            raise self._explain("the function", call, error) from error
        parcel = Parcel.with_data(shipment.payload, is_passing=not shipment.is_alone)
        if parcel.is_passing:
            self._shipments[parcel.digest] = shipment
        return parcel

    def hand_out(self, worker: Worker, function: Parcel, items: Sequence[Any], done: Done, start: int | None = None) -> None:
        """Have items run by a worker; `done` is called with what came of them, in any thread. The first may have an index, which errors tell."""
        which = _names(start, len(items))
        shipment = self._pack(items, start)

        def receive(reply: Reply | Lost) -> None:
            self._segments.release(shipment)
            done(_opened(reply, worker, which))

        try:
            worker.run(self._surroundings, function, shipment.payload, receive)
        except BaseException:  # if it has gone all the same, it will not be waited for
            self._segments.release(shipment)
            raise

    def call(self, worker: Worker, call: Callable[[Any], Any], items: Sequence[Any], done: Done) -> None:
        """Have items run by a worker, with a function of their own."""
        function = self.parcel(call)

        def receive(outcome: Outcome | Lost) -> None:
            self._drop(function)
            done(outcome)

        try:
            self.hand_out(worker, function, items, receive)
        except BaseException:
            self._drop(function)
            raise

    def _drop(self, function: Parcel) -> None:
        """Let go of a function's arrays."""
        shipment = self._shipments.pop(function.digest, None)
        if shipment is not None:
            self._segments.release(shipment)

    def _pack(self, items: Sequence[Any], start: int | None) -> Shipment:
        try:
            return self._segments.dumps(list(items))
        except NoRoomError:
            raise
        except Exception as error:
            position = _first_unpicklable(items)
            raise self._explain(_names(None if start is None else start + position, 1), items[position], error) from error


def _names(start: int | None, n_items: int) -> str:
    """Return how to speak of one of some items."""
    if start is None:
        return "an item"
    return f"item {start}" if n_items == 1 else f"one of the items {start} to {start + n_items - 1}"


def _first_unpicklable(items: Sequence[Any]) -> int:
    for position, item in enumerate(items):
        try:
            dumps(item)
        except Exception:
            return position
    return 0


def _opened(reply: Reply | Lost, worker: Worker, which: str) -> Outcome | Lost:
    """Return what came of items, loaded; a value that cannot be is its item's failure."""
    if isinstance(reply, Lost):
        return reply
    if not reply.is_loaded:
        worker.end()
        return Outcome([], [0.0], _unloadable(reply, which))
    values = list[Any]()
    try:
        for packed in reply.values:
            values.append(unpack(packed))
    except BaseException as error:
        return Outcome(values, list(reply.seconds[: len(values) + 1]), error)
    return Outcome(values, list(reply.seconds), None if reply.failure is None else reply.failure.error())


def _unloadable(reply: Reply, which: str) -> UnloadableError:
    error = UnloadableError(f"the function or {which} cannot be loaded in a worker process; threads do without (executor='thread')")
    error.__cause__ = None if reply.failure is None else reply.failure.error()
    return error
