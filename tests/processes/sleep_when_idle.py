"""A worker that has nothing to do sleeps: its clock of CPU time stands still."""

import os
import time
from pathlib import Path

from checks import check_map

import lightwork as lw

check_map(workers=3)
assert lw.Pool(1).submit(int).result() == 0
me = os.getpid()
workers = [task for task in Path("/proc/self/task").iterdir() if "lightwork" in (task / "comm").read_text() or int(task.name) != me]


def cpu_time() -> list[str]:
    """Return the time that each worker has been on a CPU, in nanoseconds."""
    return [(task / "schedstat").read_text().split()[0] for task in workers]


time.sleep(0.2)  # far more than they spin
before = cpu_time()
time.sleep(1)
assert cpu_time() == before
assert len(workers) >= 3
