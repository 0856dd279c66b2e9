"""What is declared of reductions: all of them, and in the documentation as in the code."""

import inspect
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lightwork import arrays
from lightwork.arrays import combination, counting, declarations, moments, nans, positions, reducing, reductions, scans

MODULES = (combination, counting, moments, nans, positions, reducing, reductions, scans)
DOCUMENT = Path(__file__).parents[2] / "docs" / "reductions.md"
HELPERS = {"checked_count", "checked_ufunc", "checked_workers", "place", "share_position", "share_reduction"}


def test_the_document_has_the_table() -> None:
    """The table in the documentation is the one that the declarations make."""
    assert declarations.table() in DOCUMENT.read_text(encoding="utf-8")


def test_every_function_is_declared_once() -> None:
    """What the modules offer, and nothing else, is declared."""
    declared = [name for declaration in declarations.DECLARATIONS for name in declaration.names]
    offered = {name for module in MODULES for name in module.__all__} - HELPERS
    assert sorted(declared) == sorted(offered)


@pytest.mark.parametrize("module", [reductions, moments, positions, nans, counting])
def test_functions_by_numpy_s_names_say_so(module: ModuleType) -> None:
    """Each has NumPy's docstring, with a paragraph after the first one that tells what differs."""
    for name in set(module.__all__) - HELPERS - {"amin", "amax"}:
        summary, ours, *rest = inspect.getdoc(getattr(module, name)).split("\n\n")  # type: ignore[union-attr]
        assert f"what :func:`numpy.{name}` returns" in ours
        assert "\n\n".join([summary, *rest]) == inspect.getdoc(getattr(np, name))


def test_the_surface_is_declared() -> None:
    """What ``lightwork.arrays`` offers beside ``chunked_map`` is declared, too."""
    declared = {name for declaration in declarations.DECLARATIONS for name in declaration.names}
    assert {name for name in vars(arrays) if name in ("reduce", "accumulate", "minmax", "map_reduce")} <= declared


def test_every_function_of_numpy_s_has_its_bits() -> None:
    """A result that is only the same at any number of workers is promised of ``map_reduce`` alone, which NumPy does not have."""
    weaker = {name for one in declarations.DECLARATIONS if one.promise is declarations.Promise.DETERMINISTIC for name in one.names}
    assert weaker == {"map_reduce"}
    assert not hasattr(np, "map_reduce")
