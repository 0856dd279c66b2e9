"""A cluster of dask's as what runs the items, on whatever machines it has."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pickle
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from typing import Any, Protocol, TypeGuard
from weakref import WeakSet

from lightwork.executors.futures import Foreign, Outcome, run_items

__all__ = ["Client", "Cluster", "is_client", "n_threads_of"]

ENDING = ("closing", "closed")


class Task(Protocol):
    """What is used of a ``dask.distributed.Future``."""

    @property
    def status(self) -> str:
        """What has become of it."""
        ...

    def cancel(self) -> Any:
        """Have nobody run it who has not begun."""
        ...

    def __await__(self) -> Generator[Any, Any, Any]:
        """Return what comes of it, in the client's event loop."""
        ...


class Client(Protocol):
    """What is used of a ``dask.distributed.Client``."""

    @property
    def asynchronous(self) -> bool:
        """Whether its methods have to be awaited here."""
        ...

    @property
    def status(self) -> str:
        """Whether it is running."""
        ...

    @property
    def loop(self) -> Any:
        """The event loop that carries its messages."""
        ...

    @property
    def scheduler(self) -> Any:
        """What the scheduler can be asked."""
        ...

    def submit(self, func: Callable[..., Any], *args: Any, key: str) -> Any:
        """Have a function called by a worker; return a task."""
        ...

    def nthreads(self) -> Any:
        """Return the number of threads by worker."""
        ...

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in each worker."""
        ...

    def run_on_scheduler(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in the scheduler."""
        ...


def is_client(executor: object) -> TypeGuard[Client]:
    """Whether something is a client of dask's, without an import of that."""
    if isinstance(executor, str | None):  # most are, and every call asks
        return False
    clients = sys.modules.get("distributed.client")
    return clients is not None and isinstance(executor, clients.Client)


def n_threads_of(client: Client) -> int:
    """Return how many threads the cluster has now."""
    _check_that_it_runs(client)
    n_threads = sum(client.nthreads().values())
    if not n_threads:
        raise RuntimeError(f"{client!r} has no workers yet; wait for them by client.wait_for_workers(1), or say how many there will be by workers=")
    return int(n_threads)


def run_sealed(call: bytes, items: bytes) -> bytes:
    """
    Call a function for items in a worker; all of them pickled, and so is what comes of it.

    What cannot be pickled fails where that is done, and says so: dask would ask again and again for a result that cannot travel.
    """
    return _sealed(run_items(pickle.loads(call), pickle.loads(items)))  # noqa: S301 - from who may run any code here


def _sealed(content: object) -> bytes:
    cloudpickle = importlib.import_module("cloudpickle")  # which dask needs, too
    sealed: bytes = cloudpickle.dumps(content)
    return sealed


class Cluster(Foreign):
    """
    Hands items to a cluster.

    Parameters
    ----------
    client : distributed.Client
        It is not closed.
    n_workers : int
        How many chunks to have there at a time.

    Notes
    -----
    What comes back does so in the thread of the client's event loop.
    """

    def __init__(self, client: Client, n_workers: int) -> None:
        _check_that_it_runs(client)
        _check_that_it_knows_us(client)
        executor: Any = client  # which it is not, but calls go to it
        super().__init__(executor, n_workers)
        self._client = client
        self._keys: dict[Future[Any], str] = {}
        self._calls: dict[int, bytes] = {}  # by their identity, for they live as long as the run, and need not be hashable

    def let_go(self) -> None:
        """Cancel what the scheduler has given to no worker. It alone knows, and is asked by the event loop; nobody waits for that."""
        if self._sent:
            self._client.loop.add_callback(self._let_go_of_what_waits)

    def cancel(self, futures: Iterable[Future[Any]]) -> None:
        """Cancel some of what was sent; a call that runs goes on, and is forgotten."""
        if self._client.asynchronous:  # the event loop cannot wait for itself
            self._client.loop.run_in_executor(None, super().cancel, futures)
        else:
            super().cancel(futures)

    def outcome_of(self, future: Future[Any]) -> Outcome:
        """Return what came of what was sent, unsealed."""
        try:
            outcome: Outcome = pickle.loads(future.result())  # noqa: S301 - from where our own code runs
        except BaseException as error:
            if self._client.status in ENDING:  # which dask tells in several ways
                raise self._closed() from error
            raise
        return outcome

    async def _let_go_of_what_waits(self) -> None:
        at_work = await self._client.scheduler.processing(workers=None)
        begun = {key for keys in at_work.values() for key in keys}
        self.cancel([future for future, key in self._keys.copy().items() if key not in begun])

    def _submit(self, call: Callable[[Any], Any], items: Sequence[Any]) -> Future[Any]:
        key = f"lightwork-{os.urandom(16).hex()}"  # without one, equal calls would be one, also those that are to be tried again
        task: Task = self._client.submit(run_sealed, self._sealed_call(call), _sealed(items), key=key)
        if self._client.status in ENDING:  # a client that is being closed still takes calls, and forgets them
            raise self._closed()
        future = Future[Any]()
        self._keys[future] = key
        future.add_done_callback(functools.partial(self._forget, task))
        self._client.loop.add_callback(_bring, task, future)
        return future

    def _closed(self) -> RuntimeError:
        return RuntimeError(f"{self._client!r} was closed in the middle of the run; close it later")

    def _sealed_call(self, call: Callable[[Any], Any]) -> bytes:
        """Return a function as it travels, pickled once."""
        if id(call) not in self._calls:
            self._calls[id(call)] = _sealed(call)
        return self._calls[id(call)]

    def _forget(self, task: Task, future: Future[Any]) -> None:
        del self._keys[future]
        if future.cancelled() and task.status != "cancelled":
            task.cancel()


async def _bring(task: Task, future: Future[Any]) -> None:
    """Tell what comes of a task, whatever it is: dask's own executor tells nothing where waiting fails, as when its client is closed in between."""
    try:
        result = await task
    except BaseException as error:
        tell = future.cancel if task.status == "cancelled" else functools.partial(future.set_exception, error)
    else:
        tell = functools.partial(future.set_result, result)
    with contextlib.suppress(InvalidStateError):  # it was cancelled here meanwhile
        tell()


# --- Whether it will do -----------------------------------------------------------------------------------------------


def _check_that_it_runs(client: Client) -> None:
    if client.asynchronous:
        raise TypeError(
            f"{client!r} is asynchronous here, and the call would stop the event loop that it needs; make a Client(asynchronous=False) "
            "and call from another thread, as by asyncio.to_thread"
        )
    if client.status != "running":
        raise RuntimeError(f"{client!r} is {client.status}; make a new Client, and close it after the call")


_acquainted: WeakSet[Client] = WeakSet()


def _check_that_it_knows_us(client: Client) -> None:
    """Refuse a cluster that cannot import this package, once for each client: it would fail with that item by item."""
    if client in _acquainted:
        return
    try:
        client.run_on_scheduler(run_items, abs, [])
        client.run(run_items, abs, [])
    except Exception as error:
        raise RuntimeError(
            f"the scheduler and all workers of {client!r} must be able to import lightwork; install there what is installed here, for instance "
            "by client.register_plugin(distributed.PipInstall(['lightwork'])), or start them in the same environment"
        ) from error
    _acquainted.add(client)
