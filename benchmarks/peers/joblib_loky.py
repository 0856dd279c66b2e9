"""joblib with its own processes, which live on between calls, and chunks of its own choice."""

from collections.abc import Callable
from typing import Any

import joblib

from benchmarks.peers import n_workers

IMPORT = "joblib"
CANNOT: dict[str, str] = {}


def over_processes(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Its own way to call a function for each item."""
    return lambda items: joblib.Parallel(n_workers())(joblib.delayed(function)(item) for item in items)
