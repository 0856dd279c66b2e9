"""Reductions of what a fused function computes: which can be had without the array, and in which steps NumPy takes the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lightwork._core.reduction import reduction_dtype
from lightwork._core.summation import order_name
from lightwork.arrays import counting, moments, nans, positions, reductions, scans
from lightwork.arrays.memory import Memory
from lightwork.arrays.reducing import is_exact, minmax
from lightwork.arrays.traced import call_reduced

__all__ = ["reduce_fused"]

UFUNCS: dict[str, np.ufunc] = {
    "sum": np.add,
    "mean": np.add,
    "prod": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
    "any": np.logical_or,
    "all": np.logical_and,
}

WHOLES: dict[str, Callable[..., Any]] = {
    "minmax": minmax,
    **{
        name: getattr(module, name)
        for module in (counting, moments, nans, positions, reductions, scans)
        for name in module.__all__
        if name not in ("accumulate", "share_position")
    },
}

Choice = tuple[np.dtype[Any], bool]


def reduce_fused(name: str, fn: Callable[..., Any], memory: Memory, args: tuple[Any, ...], kwargs: dict[str, Any], how: dict[str, Any]) -> Any:
    """
    Reduce what a function of arrays returns.

    Parameters
    ----------
    name : str
        Which reduction.
    fn : callable
    memory : Memory
        The fused function's.
    args, kwargs : tuple, dict
        What to call it with.
    how : dict
        What is not NumPy's default of the reduction's own arguments.

    Returns
    -------
    object
        What NumPy's function of that name returns for the result.
    """
    if how or name not in UFUNCS:
        return WHOLES[name](_whole(fn, memory, args, kwargs), **how)
    ufunc = UFUNCS[name]
    parts, n_items = call_reduced(fn, memory, args, kwargs, ufunc, lambda dtype: _choose(name, ufunc, dtype))
    if n_items < 0:
        return WHOLES[name](parts)
    reduce: Callable[..., Any] = ufunc.reduce
    result: Any = reduce(parts)
    if name == "mean":
        return result.dtype.type(result / np.intp(n_items))
    if name in ("min", "max") and result.dtype.kind == "f" and result == 0:
        with np.errstate(all="ignore"):  # all has been told
            whole = _whole(fn, memory, args, kwargs)
        return WHOLES[name](whole)  # a zero of either sign, depending on the order of the items
    return result


def _whole(fn: Callable[..., Any], memory: Memory, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return call_reduced(fn, memory, args, kwargs, np.add, lambda _: None)[0]


def _choose(name: str, ufunc: np.ufunc, dtype: np.dtype[Any]) -> Choice | None:
    """Return the dtype in which parts of a result may be reduced, and whether they are added in NumPy's order; None for the whole."""
    if name in ("any", "all"):
        return (np.dtype(np.bool_), False) if dtype.kind in "biufc" else None
    if ufunc is np.add and dtype.kind in "fc":
        return None if order_name(dtype) == "other" else (dtype, True)
    if name == "mean":
        return None
    wanted = reduction_dtype(ufunc, dtype)
    return (wanted, False) if wanted is not None and is_exact(ufunc, wanted) and dtype.kind in "biufmM" else None
