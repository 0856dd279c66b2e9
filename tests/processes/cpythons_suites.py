"""Run one of CPython's test modules for ``concurrent.futures`` with our class in its place, threads only; prints how many tests there were."""

import concurrent.futures
import faulthandler
import importlib
import sys
import unittest
from pathlib import Path
from typing import Any

import lightwork as lw

faulthandler.dump_traceback_later(240, exit=True)

SOURCES = str(Path(lw.__file__).parent.parent)
IN_CHILDREN = f"""
import sys
sys.path.insert(0, {SOURCES!r})
import concurrent.futures
import lightwork
class ThreadPoolExecutor(lightwork.Pool):
    pass
concurrent.futures.ThreadPoolExecutor = ThreadPoolExecutor
"""


class ThreadPoolExecutor(lw.Pool):
    """Of the name that the tests expect in the names of threads."""


def replaced_in_children(run: Any) -> Any:
    """Run code in a child in which the class is replaced, too, where the child imports it: what it registered before comes last at its exit."""
    wanted = "from concurrent.futures import ThreadPoolExecutor"

    def run_replaced(option: str, code: str, *more: str, **options: Any) -> Any:
        return run(option, code.replace(wanted, f"exec({IN_CHILDREN!r}); {wanted}"), *more, **options)

    return run_replaced


def tests_in(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    """Return those that are not about processes."""
    tests: list[unittest.TestCase] = []
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            tests += tests_in(test)
        elif "Process" not in type(test).__name__ and "Resources" not in type(test).__name__:
            tests.append(test)
    return tests


def main(name: str) -> int:
    """Run a suite."""
    concurrent.futures.ThreadPoolExecutor = ThreadPoolExecutor  # type: ignore[misc]
    util: Any = importlib.import_module("test.test_concurrent_futures.util")
    util.ThreadPoolMixin.executor_type = ThreadPoolExecutor
    module: Any = importlib.import_module(f"test.test_concurrent_futures.test_{name}")
    if hasattr(module, "assert_python_ok"):
        module.assert_python_ok = replaced_in_children(module.assert_python_ok)
    tests = tests_in(unittest.defaultTestLoader.loadTestsFromModule(module))
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(unittest.TestSuite(tests))
    print(result.testsRun - len(result.skipped))
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
