"""Calls handed to a pool one by one, and what became of them."""

from lightwork.tasks.handle import Handle as Handle
from lightwork.tasks.inside import check_cancelled as check_cancelled
from lightwork.tasks.inside import report_progress as report_progress
from lightwork.tasks.item_result import ItemResult as ItemResult
from lightwork.tasks.pickling import PickleExplanation as PickleExplanation
from lightwork.tasks.pickling import PickleProblem as PickleProblem
from lightwork.tasks.pickling import explain_pickle as explain_pickle
from lightwork.tasks.pickling import is_picklable as is_picklable
from lightwork.tasks.pool import Pool as Pool
from lightwork.tasks.results import ParallelResult as ParallelResult
from lightwork.tasks.results import RunStatus as RunStatus
from lightwork.tasks.selection import ProcessDecision as ProcessDecision
from lightwork.tasks.selection import should_use_processes as should_use_processes
