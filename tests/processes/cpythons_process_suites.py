"""Run one of CPython's test modules for ``concurrent.futures`` with ``ProcessPool`` in its place; prints how many tests there were."""

import faulthandler
import importlib
import sys
import unittest
from pathlib import Path
from typing import Any

import lightwork as lw

faulthandler.dump_traceback_later(240, exit=True)
# What asks for a pool that breaks with a worker, for workers that are forked, for arguments that only a process that starts can be given, for calls
# that have begun before a worker is there, for text in a traceback, and for attributes of the standard library's own.
OTHERWISE = {
    "test_killed_child",
    "test_saturation",
    "test_idle_process_reuse_one",
    "test_idle_process_reuse_multiple",
    "test_max_tasks_per_child",
    "test_max_tasks_per_child_defaults_to_spawn_context",
    "test_max_tasks_early_shutdown",
    "test_python_finalization_error",
    "test_traceback",
    "test_cancel_futures",
}
SOURCES = str(Path(lw.__file__).parent.parent)


def replaced_in_children(run: Any) -> Any:
    """Run code in a child that finds our class where it looks for it."""
    wanted = "from concurrent.futures import ProcessPool"
    ours = f"import sys; sys.path.insert(0, {SOURCES!r}); from lightwork import ProcessPool"
    return lambda option, code: run(option, code.replace(wanted, ours).replace("multiprocessing.set_start_method", "str"))


def tests_in(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    """Return those that are about processes which are not forked."""
    tests: list[unittest.TestCase] = []
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            tests += tests_in(test)
        elif "ProcessPoolSpawn" in type(test).__name__ and "Failing" not in type(test).__name__ and test._testMethodName not in OTHERWISE:
            tests.append(test)
    return tests


def main(name: str) -> int:
    """Run a suite."""
    util: Any = importlib.import_module("test.test_concurrent_futures.util")
    util.ProcessPoolSpawnMixin.executor_type = lw.ProcessPool
    module: Any = importlib.import_module(f"test.test_concurrent_futures.test_{name}")
    if hasattr(module, "assert_python_ok"):
        module.assert_python_ok = replaced_in_children(module.assert_python_ok)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(
        unittest.TestSuite(tests_in(unittest.defaultTestLoader.loadTestsFromModule(module)))
    )
    print(result.testsRun - len(result.skipped))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
