"""CPython's own tests of thread pools, with our class in the place of ``ThreadPoolExecutor``."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent.parent / "processes" / "cpythons_suites.py"
SUITES = ("thread_pool", "wait", "as_completed", "shutdown", "init", "future")
HAS_SUITES = importlib.util.find_spec("test") is not None and importlib.util.find_spec("test.test_concurrent_futures") is not None


@pytest.mark.skipif(not HAS_SUITES, reason="this Python comes without test.test_concurrent_futures")
@pytest.mark.parametrize("suite", SUITES)
def test_what_holds_for_a_thread_pool_executor_holds_for_a_pool(suite: str) -> None:
    """Each of CPython's tests of threads passes, and there are some."""
    command = [sys.executable, "-X", "faulthandler", str(RUNNER), suite]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert int(ran.stdout.split()[-1]) > 0
