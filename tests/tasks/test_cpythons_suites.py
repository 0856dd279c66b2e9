"""CPython's own tests of pools, with our classes in the places of the standard library's."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

STORIES = Path(__file__).parent.parent / "processes"
SUITES = ("thread_pool", "wait", "as_completed", "shutdown", "init", "future")
PROCESS_SUITES = ("process_pool", "as_completed", "shutdown", "init")
HAS_SUITES = importlib.util.find_spec("test") is not None and importlib.util.find_spec("test.test_concurrent_futures") is not None


@pytest.mark.skipif(not HAS_SUITES, reason="this Python comes without test.test_concurrent_futures")
@pytest.mark.parametrize("suite", SUITES)
def test_what_holds_for_a_thread_pool_executor_holds_for_a_pool(suite: str) -> None:
    """Each of CPython's tests of threads passes, and there are some."""
    run("cpythons_suites", suite)


@pytest.mark.skipif(not HAS_SUITES, reason="this Python comes without test.test_concurrent_futures")
@pytest.mark.parametrize("suite", PROCESS_SUITES)
def test_what_holds_for_a_process_pool_executor_holds_for_ours(suite: str) -> None:
    """Each of CPython's tests of processes passes, but for those of how its pool breaks and of what it looks like inside."""
    run("cpythons_process_suites", suite)


def run(runner: str, suite: str) -> None:
    """Run a suite."""
    command = [sys.executable, "-X", "faulthandler", str(STORIES / f"{runner}.py"), suite]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert int(ran.stdout.split()[-1]) > 0
