"""
Functions over items, and calls handed to a pool one by one.

``Pool`` is imported when it is first asked for: it is a thread pool of the standard library's to others, and that cannot be imported any more in a
program's exit handlers, where calls over items can still be made.
"""

import typing as _typing

from lightwork.tasks.aio import async_parallel_iter as async_parallel_iter
from lightwork.tasks.aio import async_parallel_map as async_parallel_map
from lightwork.tasks.aio import async_parallel_starmap as async_parallel_starmap
from lightwork.tasks.configuring import configure as configure
from lightwork.tasks.decorator import Parallel as Parallel
from lightwork.tasks.decorator import parallel as parallel
from lightwork.tasks.ending import shutdown as shutdown
from lightwork.tasks.gathering import Waited as Waited
from lightwork.tasks.gathering import as_completed as as_completed
from lightwork.tasks.gathering import gather as gather
from lightwork.tasks.gathering import wait as wait
from lightwork.tasks.handle import Handle as Handle
from lightwork.tasks.health import Health as Health
from lightwork.tasks.inside import check_cancelled as check_cancelled
from lightwork.tasks.inside import report_progress as report_progress
from lightwork.tasks.item_result import ItemResult as ItemResult
from lightwork.tasks.map import parallel_map as parallel_map
from lightwork.tasks.map import parallel_starmap as parallel_starmap
from lightwork.tasks.metrics import FunctionMetrics as FunctionMetrics
from lightwork.tasks.metrics import Metrics as Metrics
from lightwork.tasks.metrics import SlowCall as SlowCall
from lightwork.tasks.pickling import PickleExplanation as PickleExplanation
from lightwork.tasks.pickling import PickleProblem as PickleProblem
from lightwork.tasks.pickling import explain_pickle as explain_pickle
from lightwork.tasks.pickling import is_picklable as is_picklable
from lightwork.tasks.results import ParallelResult as ParallelResult
from lightwork.tasks.results import RunStatus as RunStatus
from lightwork.tasks.selection import ProcessDecision as ProcessDecision
from lightwork.tasks.selection import should_use_processes as should_use_processes
from lightwork.tasks.stages import Stage as Stage
from lightwork.tasks.stages import iter_stages as iter_stages
from lightwork.tasks.stages import map_stages as map_stages
from lightwork.tasks.stream import parallel_iter as parallel_iter
from lightwork.tasks.submission import submit as submit
from lightwork.tasks.task import Task as Task
from lightwork.tasks.task import iter_tasks as iter_tasks
from lightwork.tasks.task import run_tasks as run_tasks

if _typing.TYPE_CHECKING:
    from lightwork.tasks.pool import Pool as Pool
else:

    def __getattr__(name: str) -> object:
        if name == "Pool":
            from lightwork.tasks.pool import Pool  # noqa: PLC0415

            return globals().setdefault(name, Pool)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), "Pool"})
