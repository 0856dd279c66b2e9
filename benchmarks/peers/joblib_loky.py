"""joblib with its processes, which live on between calls; large arrays go into a file that they map."""

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np

from benchmarks.peers import n_workers

IMPORT = "joblib"
CANNOT: dict[str, str] = {}


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own way to call a function for each item, with chunks of its own choice."""
    return lambda items: joblib.Parallel(n_workers())(joblib.delayed(function)(item) for item in items)


def far_chunks(kernel: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Send row by row, with the processes kept open between calls."""
    parallel = joblib.Parallel(n_jobs=n_workers(), backend="loky").__enter__()
    task = joblib.delayed(kernel)
    return lambda array: np.concatenate(parallel(task(array[row : row + 1]) for row in range(len(array))))
