"""A plugin of pytest's, or a first import: in this process each chunk of a parallel region waits at random before it runs."""

import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from types import ModuleType

import pytest


def load(spec: ModuleSpec | None) -> ModuleType:
    """Import what a spec describes."""
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def install() -> ModuleType:
    """Install the probe that ``DELAY_PROBE`` names before the package imports what it is to delay."""
    assert "lightwork" not in sys.modules
    package = find_spec("lightwork")
    assert package is not None
    sys.modules["lightwork"] = module_from_spec(package)  # empty as yet, so that the probe imports nothing but what it needs
    probe = load(spec_from_file_location("delay_probe", os.environ["DELAY_PROBE"]))
    probe.install()
    load(package)
    return probe


probe = install()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how much was delayed."""
    terminalreporter.write_line(f"{probe.count()} chunks delayed")
