"""Calls handed to a pool one by one, and what became of them."""

from lightwork.tasks.aio import async_parallel_iter as async_parallel_iter
from lightwork.tasks.aio import async_parallel_map as async_parallel_map
from lightwork.tasks.aio import async_parallel_starmap as async_parallel_starmap
from lightwork.tasks.decorator import Parallel as Parallel
from lightwork.tasks.decorator import parallel as parallel
from lightwork.tasks.handle import Handle as Handle
from lightwork.tasks.inside import check_cancelled as check_cancelled
from lightwork.tasks.inside import report_progress as report_progress
from lightwork.tasks.map import parallel_map as parallel_map
from lightwork.tasks.map import parallel_starmap as parallel_starmap
from lightwork.tasks.pickling import PickleExplanation as PickleExplanation
from lightwork.tasks.pickling import PickleProblem as PickleProblem
from lightwork.tasks.pickling import explain_pickle as explain_pickle
from lightwork.tasks.pickling import is_picklable as is_picklable
from lightwork.tasks.pool import Pool as Pool
from lightwork.tasks.results import ItemResult as ItemResult
from lightwork.tasks.results import ParallelResult as ParallelResult
from lightwork.tasks.results import RunStatus as RunStatus
from lightwork.tasks.stages import Stage as Stage
from lightwork.tasks.stages import iter_stages as iter_stages
from lightwork.tasks.stages import map_stages as map_stages
from lightwork.tasks.stream import parallel_iter as parallel_iter
from lightwork.tasks.task import Task as Task
from lightwork.tasks.task import iter_tasks as iter_tasks
from lightwork.tasks.task import run_tasks as run_tasks
