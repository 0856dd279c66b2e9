"""Chunks that wait at random: whichever comes first, results are the same."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent
FILES = ("reducing", "moments", "nans", "positions", "counting", "scans", "combination", "harvests", "fuse_random")

ORDERS = """
import delays, numpy as np, lightwork as lw

def order():
    seen = []
    lw.chunked_map(lambda part: seen.append(int(part[0])) or part, np.arange(64), chunk_size=1, workers=3)
    return tuple(seen)

print(len({order() for _ in range(20)}))
"""


@pytest.fixture(scope="module")
def environment(build_extension: Callable[[Path], ModuleType]) -> dict[str, str]:
    """Return an environment in which ``import delays`` delays."""
    # The probe is loaded here too, but leads nobody astray: it is never installed in this process.
    probe = build_extension(TESTS / "probes" / "delay_probe.pyx").__file__
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    # In CI examples are always the same ones: what varies is in which order their chunks run.
    return os.environ | {"CI": "1", "DELAY_PROBE": str(probe), "PYTHONPATH": os.pathsep.join(paths), "LIGHTWORK_EXAMPLES": "0.5"}


def run(environment: dict[str, str], *command: str) -> str:
    """Return what the interpreter prints, which must end in success."""
    done = subprocess.run([sys.executable, *command], env=environment, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    return done.stdout


def test_delays_change_the_order_of_chunks(environment: dict[str, str]) -> None:
    """The same call runs its chunks in another order each time, so that what depended on it would show."""
    assert int(run(environment, "-c", ORDERS)) > 1


def test_results_do_not_depend_on_when_chunks_run(environment: dict[str, str]) -> None:
    """Random reductions, scans and fused functions on 1, 2, 3 and 7 workers have NumPy's bits when each chunk waits at random."""
    files = [str(TESTS / "arrays" / f"test_{name}.py") for name in FILES]
    printed = run(environment, "-m", "pytest", "-q", "-p", "delays", "-p", "no:cacheprovider", "-m", "hypothesis", *files)
    n_passed, n_delayed = (re.search(rf"(\d+) {what}", printed) for what in ("passed", "chunks delayed"))
    assert n_passed is not None
    assert n_delayed is not None
    assert int(n_passed[1]) >= len(FILES)
    assert int(n_delayed[1]) > 5000, printed
