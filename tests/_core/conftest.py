"""The probes: Cython that uses the core's inline functions as the core does, without the GIL."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PROBES = Path(__file__).parents[1] / "probes"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is compiled for a test, knows no Python, and is the same for every interpreter."""
    for item in items:
        if "probe" in getattr(item, "fixturenames", ()):
            item.add_marker("probes")


@pytest.fixture(scope="session")
def probe(build_extension: Callable[[Path], ModuleType]) -> Callable[[str], ModuleType]:
    """Compile the probe of a noun, once for the session."""
    return lambda noun: build_extension(PROBES / f"{noun}_probe.pyx")
