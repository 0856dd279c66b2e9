"""What holds around the items in the calling process, and is to hold around them in a worker, which may be older."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["THREAD_VARIABLES", "Surroundings"]

# What libraries read when they are imported, so that workers together have as many threads as there are CPUs: set when a worker starts.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LIGHTWORK_NUM_THREADS")


class Surroundings(NamedTuple):
    """
    What is found by whom does not look at the items alone.

    Attributes
    ----------
    filters : list of tuple
        Of warnings.
    levels : dict
        From which on loggers hear, by the names of those that have a level of their own; the root's is "".
    variables : dict
        Of the environment, but for those that a worker is started with.
    directory : str or None
        The current one.
    path : list of str
        Where modules are looked for.
    """

    filters: list[Any]
    levels: dict[str, int]
    variables: dict[str, str]
    directory: str | None
    path: list[str]

    @classmethod
    def here(cls) -> Surroundings:
        """Return this process's."""
        loggers = sorted(logging.root.manager.loggerDict.items())
        levels = {name: logger.level for name, logger in loggers if isinstance(logger, logging.Logger) and logger.level}
        variables = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
        return cls(list(warnings.filters), {"": logging.root.level, **levels}, variables, _directory(), list(sys.path))

    def apply(self, before: Surroundings | None = None) -> None:
        """Make them this process's, as far as they are not as they were `before`: what this process has changed by itself stays."""
        if before is None or self.filters != before.filters:
            _set_filters(self.filters)
        for name, level in self.levels.items():
            if before is None or before.levels.get(name) != level:
                logging.getLogger(name or None).setLevel(level)
        if before is None or self.path != before.path:
            sys.path[:] = self.path
        if self.directory is not None and (before is None or self.directory != before.directory):
            os.chdir(self.directory)
        _set_variables(self.variables, os.environ if before is None else before.variables)


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()
    here: Any = warnings.filters  # a list, whatever its stub says
    here[:] = filters


def _set_variables(variables: dict[str, str], before: Mapping[str, str]) -> None:
    for name in before.keys() - variables.keys() - set(THREAD_VARIABLES):
        os.environ.pop(name, None)
    os.environ.update({name: value for name, value in variables.items() if before.get(name) != value})


def _directory() -> str | None:
    with contextlib.suppress(OSError):  # it was removed
        return os.getcwd()  # noqa: PTH109 - compared, not walked
    return None
