"""Whether an object can travel to another process, and what keeps it from doing so."""

from __future__ import annotations

from dataclasses import dataclass
from types import FunctionType
from typing import Any

from lightwork.tasks.pickle_paths import is_a, type_name
from lightwork.tasks.pickle_trace import Part, Problem, Tracer
from lightwork.tasks.round_trip import Fault, fault_in

__all__ = ["PickleExplanation", "PickleProblem", "explain_pickle", "is_picklable"]

MODULE_LEVEL = "define it with def or class at the top of a module"


@dataclass(frozen=True)
class PickleProblem:
    """
    A part of an object that fails.

    Attributes
    ----------
    path : str
        The way to it from the object, which is called ``obj``.
    type_name : str
        Of what type it is.
    reason : str
        Why it fails, and what to do about it.
    """

    path: str
    type_name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} ({self.type_name}): {self.reason}"


@dataclass(frozen=True)
class PickleExplanation:
    """
    What :func:`explain_pickle` found; true if the object can be pickled and loaded again.

    Attributes
    ----------
    problems : tuple of PickleProblem
        The parts that fail, the first twenty of them; empty if there are none.
    cautions : tuple of PickleProblem
        Parts that succeed in this process, and may fail in another.
    """

    problems: tuple[PickleProblem, ...]
    cautions: tuple[PickleProblem, ...] = ()

    def __bool__(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        lines = ["can be pickled" if self else "cannot be pickled", *(f"  {problem}" for problem in self.problems)]
        return "\n".join([*lines, *(f"  but {caution}" for caution in self.cautions)])

    def __repr__(self) -> str:
        return str(self)


def is_picklable(obj: object) -> bool:
    """
    Tell whether an object can be pickled, and loaded again from its pickle.

    Never raises. :func:`explain_pickle` says why not.

    Parameters
    ----------
    obj : object

    Returns
    -------
    bool

    Notes
    -----
    Runs what pickling and loading run: the object's ``__reduce__``, its ``__setstate__``, the constructor of its class. A pickle that names
    something of ``os``, ``subprocess``, ``socket`` and their like, which would act on more than objects, is not loaded; neither is one
    of more than 64 MB. The memory of NumPy arrays is not copied. The time is that of pickling and loading.

    Examples
    --------
    >>> import threading
    >>> import lightwork as lw
    >>> lw.is_picklable([1, 2, 3]), lw.is_picklable(threading.Lock()), lw.is_picklable(lambda x: x)
    (True, False, False)
    """
    return fault_in(obj) is None


def explain_pickle(obj: object) -> PickleExplanation:
    """
    Find the parts of an object that cannot be pickled, or not loaded again.

    Parameters
    ----------
    obj : object

    Returns
    -------
    PickleExplanation
        With the path of each part: attributes, keys and indices, an item of a set as ``<element>``, and of functions that
        cannot be found by name ``<closure variable x>`` and ``<global x>``.

    Notes
    -----
    Cycles are followed once. No property is evaluated and nothing is called but what pickling itself calls. For an object that can be pickled but
    not loaded, each part is loaded by itself. The time is some hundred times that of pickling, so ask :func:`is_picklable` first.

    Examples
    --------
    >>> import threading
    >>> import lightwork as lw
    >>> class Client:
    ...     def __init__(self):
    ...         self.pools = {"eu": [threading.Lock()]}
    >>> lw.explain_pickle(Client().__dict__)
    cannot be pickled
      obj['pools']['eu'][0] (_thread.lock): cannot pickle '_thread.lock' object
    """
    whole = fault_in(obj)
    tracer = Tracer(with_loading=whole is not None and whole.in_loading)
    tracer.dump(obj)
    problems = tracer.problems if whole else []
    if whole and not problems:  # only all of it together fails
        problems = [Problem(Part("obj", obj), whole)]
    failed = {problem.part.path for problem in problems}
    cautions = [part for part in tracer.of_main if part.path not in failed]
    return PickleExplanation(tuple([_problem(*problem, whole) for problem in problems]), tuple(map(_caution, cautions)))


def _problem(part: Part, fault: Fault, whole: Fault | None) -> PickleProblem:
    if isinstance(fault.error, RecursionError) and whole is not None:
        reason = f"too deep to look into, or inside itself; {_said(whole.error)}"
    elif fault.in_loading:
        reason = f"is pickled, but loading it fails: {_said(fault.error)}; give its class a __reduce__ that names what makes it anew"
    else:
        reason = _reason_by_name(part.obj) or _said(fault.error)
    return PickleProblem(part.path, type_name(part.obj), reason)


def _reason_by_name(obj: Any) -> str | None:
    """Return why a function or class cannot be found by its name, if that can be told from the name."""
    if not is_a(obj, FunctionType, type):
        return None
    if obj.__name__ == "<lambda>":
        return f"a lambda has no name to be found by; {MODULE_LEVEL}"
    if "<locals>" in obj.__qualname__:
        return f"{obj.__qualname__} is not to be found from outside; {MODULE_LEVEL}"
    return None


def _caution(part: Part) -> PickleProblem:
    return PickleProblem(part.path, type_name(part.obj), "is of __main__, where another process may not find it; put it into a module")


def _said(error: BaseException) -> str:
    """Return an error's message, with its type unless that is what pickling itself raises."""
    return str(error) if type(error) is TypeError and str(error).startswith("cannot pickle") else f"{type(error).__name__}: {error}"
