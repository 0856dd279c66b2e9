"""``import lightwork.numpy.linalg``: NumPy's own modules, by the names that they have in a script after one word of it was replaced."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["offer"]


class _Alias(Loader):
    """Puts NumPy's module in the place of the new one, as the import system lets modules do."""

    def __init__(self, numpys: str) -> None:
        self.numpys = numpys

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run twice: there is one module under both names."""
        sys.modules[module.__name__] = importlib.import_module(self.numpys)


class _Finder(MetaPathFinder):
    """Is asked before others, who would find the files of NumPy's packages, and run them once more."""

    def __init__(self, ours: str, numpys: str) -> None:
        self.ours = f"{ours}."
        self.numpys = f"{numpys}."

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002 - as asked
        """Return where NumPy's module of that name can be had; None if it has none."""
        if not fullname.startswith(self.ours):
            return None
        numpys = self.numpys + fullname.removeprefix(self.ours)
        try:
            found = importlib.util.find_spec(numpys)
        except (ModuleNotFoundError, ValueError):  # of what stands before the last dot; of a module that was not found by anybody
            return None
        return None if found is None else ModuleSpec(fullname, _Alias(numpys), is_package=found.submodule_search_locations is not None)


def offer(ours: str, numpys: str) -> None:
    """
    Let modules of a package be imported as if they were another's; once, however often this is said.

    Parameters
    ----------
    ours, numpys : str
        Packages by their full names: whose modules are asked for, and where they are.
    """
    finder = _Finder(ours, numpys)
    if not any(getattr(other, "ours", None) == finder.ours for other in sys.meta_path):
        sys.meta_path.insert(0, finder)
