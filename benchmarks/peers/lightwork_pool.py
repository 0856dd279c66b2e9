"""lightwork's ``Pool``, as whoever takes an executor uses it: its own ``map``, call by call."""

from collections.abc import Callable
from typing import Any

import lightwork as lw
from benchmarks.peers import n_workers

IMPORT = "lightwork"
CANNOT: dict[str, str] = {}
POOL = lw.Pool(n_workers())


def calls(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Map."""
    return lambda items: list(POOL.map(function, items))
