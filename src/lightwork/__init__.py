"""
Run a function over many inputs on every core, with nothing to tune and NumPy's bits at any number of threads.

The package has floors, and imports point down only. ``arrays`` (functions over arrays) and ``tasks`` (functions over items, by way of
``engine`` and ``executors``) stand on ``_core``, the compiled scheduler and its kernels, which knows neither; chunks that run in other
processes are items of ``tasks`` to ``arrays``. ``policies`` are values and arithmetic, without compiled code, and ``processes`` is how arrays
reach other processes. At the bottom are leaves that import nothing of ours: ``_clock``, ``_config``, ``_cpus``, ``_errors`` and
``_log``.
"""

import importlib as _importlib
import typing as _typing

from lightwork._core.overview import statistics as statistics
from lightwork._core.statistics import PoolStatistics as PoolStatistics
from lightwork._core.statistics import Statistics as Statistics
from lightwork._core.statistics import WorkerStatistics as WorkerStatistics
from lightwork._cpus import cpu_budget as cpu_budget
from lightwork._errors import Aborted as Aborted
from lightwork._errors import Cancelled as Cancelled
from lightwork._errors import FuseError as FuseError
from lightwork._errors import LightworkError as LightworkError
from lightwork._errors import Refused as Refused
from lightwork._errors import RemoteError as RemoteError
from lightwork._errors import RemoteTraceback as RemoteTraceback
from lightwork._errors import Stopped as Stopped
from lightwork._errors import TimedOut as TimedOut
from lightwork._errors import WorkerLost as WorkerLost
from lightwork.arrays import accumulate as accumulate
from lightwork.arrays import chunked_map as chunked_map
from lightwork.arrays import fuse as fuse
from lightwork.arrays import map_reduce as map_reduce
from lightwork.arrays import minmax as minmax
from lightwork.arrays import reduce as reduce
from lightwork.arrays import shared_empty as shared_empty

__all__ = [
    "Aborted",
    "Cancelled",
    "Decision",
    "FunctionMetrics",
    "FuseError",
    "Handle",
    "Health",
    "ItemResult",
    "LightworkError",
    "Limiter",
    "LimiterStatistics",
    "Metrics",
    "Parallel",
    "ParallelResult",
    "PickleExplanation",
    "PickleProblem",
    "Pool",
    "PoolStatistics",
    "ProcessDecision",
    "ProcessPool",
    "RateLimit",
    "Refused",
    "RemoteError",
    "RemoteTraceback",
    "Retry",
    "RetryInfo",
    "RunStatus",
    "SlowCall",
    "Stage",
    "Statistics",
    "StopToken",
    "Stopped",
    "Task",
    "TimedOut",
    "Waited",
    "WorkerLost",
    "WorkerStatistics",
    "accumulate",
    "as_completed",
    "async_parallel_iter",
    "async_parallel_map",
    "async_parallel_starmap",
    "check_cancelled",
    "chunked_map",
    "configure",
    "cpu_budget",
    "explain_pickle",
    "fuse",
    "gather",
    "is_picklable",
    "iter_stages",
    "iter_tasks",
    "map_reduce",
    "map_stages",
    "minmax",
    "parallel",
    "parallel_iter",
    "parallel_map",
    "parallel_starmap",
    "reduce",
    "report_progress",
    "run_tasks",
    "shared_empty",
    "should_use_processes",
    "shutdown",
    "statistics",
    "submit",
    "wait",
]

if _typing.TYPE_CHECKING:
    from lightwork.policies import Limiter as Limiter
    from lightwork.policies import LimiterStatistics as LimiterStatistics
    from lightwork.policies import RateLimit as RateLimit
    from lightwork.policies import Retry as Retry
    from lightwork.policies import RetryInfo as RetryInfo
    from lightwork.policies import StopToken as StopToken
    from lightwork.tasks import Decision as Decision
    from lightwork.tasks import FunctionMetrics as FunctionMetrics
    from lightwork.tasks import Handle as Handle
    from lightwork.tasks import Health as Health
    from lightwork.tasks import ItemResult as ItemResult
    from lightwork.tasks import Metrics as Metrics
    from lightwork.tasks import Parallel as Parallel
    from lightwork.tasks import ParallelResult as ParallelResult
    from lightwork.tasks import PickleExplanation as PickleExplanation
    from lightwork.tasks import PickleProblem as PickleProblem
    from lightwork.tasks import Pool as Pool
    from lightwork.tasks import ProcessDecision as ProcessDecision
    from lightwork.tasks import ProcessPool as ProcessPool
    from lightwork.tasks import RunStatus as RunStatus
    from lightwork.tasks import SlowCall as SlowCall
    from lightwork.tasks import Stage as Stage
    from lightwork.tasks import Task as Task
    from lightwork.tasks import Waited as Waited
    from lightwork.tasks import as_completed as as_completed
    from lightwork.tasks import async_parallel_iter as async_parallel_iter
    from lightwork.tasks import async_parallel_map as async_parallel_map
    from lightwork.tasks import async_parallel_starmap as async_parallel_starmap
    from lightwork.tasks import check_cancelled as check_cancelled
    from lightwork.tasks import configure as configure
    from lightwork.tasks import explain_pickle as explain_pickle
    from lightwork.tasks import gather as gather
    from lightwork.tasks import is_picklable as is_picklable
    from lightwork.tasks import iter_stages as iter_stages
    from lightwork.tasks import iter_tasks as iter_tasks
    from lightwork.tasks import map_stages as map_stages
    from lightwork.tasks import parallel as parallel
    from lightwork.tasks import parallel_iter as parallel_iter
    from lightwork.tasks import parallel_map as parallel_map
    from lightwork.tasks import parallel_starmap as parallel_starmap
    from lightwork.tasks import report_progress as report_progress
    from lightwork.tasks import run_tasks as run_tasks
    from lightwork.tasks import should_use_processes as should_use_processes
    from lightwork.tasks import shutdown as shutdown
    from lightwork.tasks import submit as submit
    from lightwork.tasks import wait as wait
else:

    def __getattr__(name: str) -> object:
        """Import what is for items when it is first asked for: it takes longer than all the rest."""
        if name in __all__:
            for floor in ("policies", "tasks"):
                offered = vars(_importlib.import_module(f"lightwork.{floor}"))
                if name in offered:
                    return globals().setdefault(name, offered[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__version__ = "0.1.0"
