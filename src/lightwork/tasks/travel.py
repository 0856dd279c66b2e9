"""What is said of something that cannot go to another process."""

from __future__ import annotations

from lightwork.executors.process.parcels import dumps, loads
from lightwork.tasks.notes import brief
from lightwork.tasks.pickle_paths import ROOT
from lightwork.tasks.pickling import explain_pickle, is_picklable

__all__ = ["can_travel", "cannot_travel"]


def cannot_travel(what: str, obj: object, error: BaseException) -> TypeError:
    """
    Return the error to be raised where something cannot be pickled.

    Parameters
    ----------
    what : str
        What it is called.
    obj : object
    error : BaseException
        What pickling said.
    """
    problems = explain_pickle(obj).problems
    deeper = [problem for problem in problems if problem.path != ROOT]  # a function without a name travels, but for what it refers to
    reasons = [f"  {problem}" for problem in deeper or problems] or [f"  {type(error).__name__}: {error}"]
    return TypeError("\n".join([f"{what} {brief(obj)} cannot be sent to a process; threads need no pickling (executor='thread')", *reasons]))


def can_travel(obj: object) -> bool:
    """Whether something can be sent to a worker process, by what pickles for those: also what has no name, where cloudpickle is installed."""
    try:
        data = dumps(obj)
        if not is_picklable(obj):
            loads(data)
    except Exception:
        return False
    return True
