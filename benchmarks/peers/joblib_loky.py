"""joblib with its processes, which puts large arrays into a file that the workers map."""

from collections.abc import Callable
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from benchmarks.peers import n_workers

IMPORT = "joblib"
CANNOT: dict[str, str] = {}


def far_chunks(kernel: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Send row by row, with the processes kept open between calls."""
    parallel = Parallel(n_jobs=n_workers(), backend="loky").__enter__()
    task = delayed(kernel)
    return lambda array: np.concatenate(parallel(task(array[row : row + 1]) for row in range(len(array))))
