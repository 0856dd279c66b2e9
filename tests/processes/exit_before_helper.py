"""A program that exits while a helper is still inside of a job that is done, with a Python context to drop when he comes out."""

import sys
import threading
from importlib.util import module_from_spec, spec_from_file_location

from lightwork._core.pool import Core

spec = spec_from_file_location("late_probe", sys.argv[1])
assert spec is not None
assert spec.loader is not None
probe = module_from_spec(spec)
spec.loader.exec_module(probe)

core = Core(2)
has_thread = threading.Event()
core.spawn(has_thread.set)
has_thread.wait()
assert probe.leave_a_helper(core)
print("leaves")
