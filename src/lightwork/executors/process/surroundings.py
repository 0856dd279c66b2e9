"""What holds around the items in the calling process, and is to hold around them in a worker, which may be older."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
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

    def apply(self) -> None:
        """Make them this process's."""
        warnings.resetwarnings()
        filters: Any = warnings.filters  # a list, whatever its stub says
        filters[:] = self.filters
        for name, level in self.levels.items():
            logging.getLogger(name or None).setLevel(level)
        for name in os.environ.keys() - self.variables.keys() - set(THREAD_VARIABLES):
            del os.environ[name]
        os.environ.update(self.variables)
        sys.path[:] = self.path
        if self.directory is not None and self.directory != _directory():
            os.chdir(self.directory)


def _directory() -> str | None:
    with contextlib.suppress(OSError):  # it was removed
        return os.getcwd()  # noqa: PTH109 - compared, not walked
    return None
