"""The best pickler that there is."""

from __future__ import annotations

import functools
import importlib
import pickle
import sys
from typing import Any

__all__ = ["PROTOCOL", "pickling"]

PROTOCOL = 5


@functools.cache
def pickling() -> Any:
    """Return ``cloudpickle``, which pickles functions that cannot be found by name too, or else :mod:`pickle`."""
    try:
        cloudpickle: Any = importlib.import_module("cloudpickle")
    except ImportError:  # then functions travel by their names
        return pickle
    main = sys.modules.get("__mp_main__")  # the program's file, in a child that multiprocessing has spawned: workers do not know it by that name
    if main is not None:
        cloudpickle.register_pickle_by_value(main)
    return cloudpickle
