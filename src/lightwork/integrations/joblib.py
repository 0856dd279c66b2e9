"""A joblib backend: ``Parallel`` on the threads that runs over items share."""

from __future__ import annotations

import contextlib
import queue
import weakref
from collections.abc import Callable, Generator
from typing import Any

from lightwork._config import settings
from lightwork._cpus import cpu_budget
from lightwork.executors.stealing import Threads
from lightwork.integrations.batch import Batch, Outcome
from lightwork.integrations.joblib_types import FallbackToBackend, ParallelBackendBase, register_parallel_backend
from lightwork.integrations.shift import Shift

__all__ = ["LightworkBackend", "register"]

MOST_JOBS = 1023  # what a pool has room for


def register(*, make_default: bool = False) -> None:
    """
    Make ``backend="lightwork"`` known to joblib.

    Parameters
    ----------
    make_default : bool, default False
        Whether to use it where no backend is named, in the whole process.

    Examples
    --------
    >>> import joblib
    >>> import lightwork.integrations.joblib
    >>> lightwork.integrations.joblib.register()
    >>> with joblib.parallel_config(backend="lightwork"):
    ...     joblib.Parallel()(joblib.delayed(pow)(2, n) for n in range(4))
    [1, 2, 4, 8]
    """
    register_parallel_backend("lightwork", LightworkBackend, make_default=make_default)


class LightworkBackend(ParallelBackendBase):
    """
    What joblib asks of a backend, answered by lightwork's threads.

    joblib makes one for a ``with parallel_config(...)``, and several ``Parallel`` may use that one at the same time. So each gets a
    backend of its own at its first call.

    Parameters
    ----------
    nesting_level : int, optional
        How many calls of joblib this one is within.
    owner : joblib.Parallel, optional
        Whose backend this is; one without an owner is for any number, and runs nothing.
    **options
        As of joblib's base class.
    """

    default_n_jobs = -1  # who names this backend wants its threads
    supports_retrieve_callback = True
    supports_sharedmem = True
    uses_threads = True

    def __init__(self, nesting_level: int | None = None, *, owner: Any = None, **options: Any) -> None:
        super().__init__(nesting_level=nesting_level, **options)
        self._owner: Callable[[], Any] = (lambda: None) if owner is None else weakref.ref(owner)
        self._n_jobs = 1
        self._shift: Shift | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """
        Return how many calls run at a time.

        Parameters
        ----------
        n_jobs : int or None
            So many; -1 stands for all CPUs that lightwork may use, -2 for all but one, and so on. None is -1.
        """
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning; pass -1 for as many as lightwork.cpu_budget() says")
        if n_jobs is None:
            n_jobs = self.default_n_jobs
        if n_jobs < 0:
            n_jobs = (settings().workers or cpu_budget()) + 1 + n_jobs
        return min(max(n_jobs, 1), MOST_JOBS)

    def configure(self, n_jobs: int | None = 1, parallel: Any = None, **_options: Any) -> int:
        """Get ready for the calls of a ``Parallel``; one that does not own this backend is sent to one of its own."""
        if self._owner() is not parallel:
            raise FallbackToBackend(type(self)(nesting_level=self.nesting_level, owner=parallel))
        self._n_jobs = self.effective_n_jobs(n_jobs)
        if parallel.return_generator and Threads(1).is_here:
            self._n_jobs = 1  # its reader may be all that waits for it, on the only thread there is
        return self._n_jobs

    def get_nested_backend(self) -> tuple[LightworkBackend, int]:
        """Return the backend for calls within a task, which are made in order where they do not ask for more."""
        return type(self)(nesting_level=(self.nesting_level or 0) + 1), 1

    def start_call(self) -> None:
        """Begin a call of ``Parallel``."""
        parallel = self._owner()
        forget_leftovers(parallel)
        threads = Threads(self._n_jobs)
        waits = not parallel.return_generator and parallel.timeout is None
        self._shift = Shift(threads, joins=waits or threads.is_here, waits=waits)

    def compute_batch_size(self) -> int:
        """Return how many calls to hand over together, where ``batch_size="auto"``."""
        parallel = self._owner()
        if self._shift is None or parallel is None or parallel.timeout is not None:  # which is for each call
            return 1
        return self._shift.batch_size

    def submit(self, func: Callable[[], Any], callback: Callable[[Outcome], object]) -> None:
        """Have a batch run, and its outcome given to `callback`, which may submit more. Nobody asks for a future."""
        if self._shift is None:
            raise RuntimeError("joblib submits batches only between start_call() and terminate(); call Parallel, not its backend")
        self._shift.add(Batch(func, callback))

    apply_async = submit  # the name in joblib before 1.5

    def retrieve_result_callback(self, out: Outcome) -> Any:
        """Return the results of a batch, or raise what it raised."""
        return out.unwrap()

    @contextlib.contextmanager
    def retrieval_context(self) -> Generator[None]:
        """Work along before results are waited for."""
        if self._shift is not None:
            self._shift.join()
        yield

    def stop_call(self) -> None:
        """End a call of ``Parallel``."""
        self.terminate()

    def terminate(self) -> None:
        """Let go of a call; the threads stay."""
        if self._shift is not None:
            self._shift.stop()
            self._shift = None

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: ARG002 - the threads are ready in any case
        """Begin no more calls; those that run are told by :func:`lightwork.check_cancelled`, and nobody waits for them."""
        self.terminate()


def forget_leftovers(parallel: Any) -> None:
    """Throw away what joblib had cut for an earlier call that failed: it would run it, and return its results, in this one."""
    leftovers = getattr(parallel, "_ready_batches", None)
    if leftovers is not None:
        with contextlib.suppress(queue.Empty):
            while True:
                leftovers.get_nowait()
