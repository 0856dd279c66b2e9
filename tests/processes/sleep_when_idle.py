"""A worker that has nothing to do sleeps: its clock of CPU time stands still."""

import os
import time
from pathlib import Path

from checks import check_map

import lightwork as lw

pool = lw.Pool(1)
check_map(workers=3)
assert pool.submit(int).result() == 0
others = [task for task in Path("/proc/self/task").iterdir() if int(task.name) != os.getpid()]
assert len(others) >= 3


def cpu_times() -> list[str]:
    """Return the time that each thread but this one has been on a CPU, in nanoseconds."""
    return [(task / "schedstat").read_text().split()[0] for task in others]


time.sleep(0.2)  # far more than they spin
before = cpu_times()
time.sleep(1)
assert cpu_times() == before
