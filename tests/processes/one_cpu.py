"""On one CPU there is one worker, the caller, and no thread."""

import os

from checks import check_map

import lightwork as lw

assert lw.cpu_budget() == 1
threads = len(os.listdir("/proc/self/task"))
check_map(workers=None)
assert len(os.listdir("/proc/self/task")) == threads
assert lw.statistics().n_threads == 0
assert lw.statistics().n_workers == 1
