"""What all tests share: races that collide, Cython compiled outside the tree, and no skip in silence."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Generator, Iterator
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lightwork

pytest.register_assert_rewrite("bits", "chunking", "samples")  # shared assertions explain themselves, too

IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

# Why a test may be left out; whatever is skipped for another reason fails. Numba, cffi, scikit-learn and dask's
# cluster are not installed for free-threaded 3.13; some
# Pythons come without their tests, and before 3.12 those of futures were one module.
FOREIGN = ("numba", "cffi", "sklearn", "distributed")
ALLOWED_SKIPS = ("comes without test.test_concurrent_futures", "this Python has no subinterpreters") + (
    ("without a GIL no processes are chosen", "without a GIL helpers are welcome at once", *(f"could not import '{name}'" for name in FOREIGN))
    if IS_FREE_THREADED
    else ("needs a free-threaded interpreter",)
)

CYTHONIZE = ("-m", "Cython.Build.Cythonize", "--inplace", "--quiet", "-3", "-X", "freethreading_compatible=True", "-X", "binding=True")


def _refuse_skip(report: Any) -> Any:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2])
        if not any(allowed in reason for allowed in ALLOWED_SKIPS):
            report.outcome = "failed"
            report.longrepr = f"{reason}\nNothing is skipped in silence: make it run, or allow for the reason in {__file__}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Fail a test that skips for a reason that is not allowed."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Fail a file that skips as a whole for a reason that is not allowed."""
    return _refuse_skip((yield))


@pytest.fixture(scope="session", autouse=True)
def gil_stays_off() -> Iterator[None]:
    """On a free-threaded interpreter nothing that the tests import or do may turn the GIL on."""
    yield
    if IS_FREE_THREADED:
        assert not sys._is_gil_enabled()  # type: ignore[attr-defined]  # of 3.13


@pytest.fixture(scope="session")
def race_seconds() -> float:
    """How long a race goes on: LIGHTWORK_TEST_SECONDS, or 20."""
    return float(os.environ.get("LIGHTWORK_TEST_SECONDS", "20"))


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Threads change places as often as the interpreter can make them."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def _compiler_environment() -> dict[str, str]:
    """Return an environment in which an outsider's C++ finds NumPy and the package's ``.pxd`` files."""
    sanitizer = os.environ.get("LIGHTWORK_SANITIZE")
    optimised = f"-O1 -g1 -fsanitize={sanitizer}" if sanitizer else "-O2"  # as setup.py does
    flags = f"-std=c++17 {optimised} -I{np.get_include()} -DNPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION"
    environment = os.environ | {"CFLAGS": flags, "CXXFLAGS": flags, "PYTHONPATH": str(Path(lightwork.__path__[0]).parent)}
    environment.pop("LD_PRELOAD", None)  # the sanitizer's runtime is for the tests, not for the compiler
    return environment


def _load(name: str, path: Path) -> ModuleType:
    spec = spec_from_file_location(name, path)
    assert isinstance(spec, ModuleSpec)
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compile(source: Path) -> Path:
    """Compile a copy of a ``.pyx`` where it stands; return the extension's path."""
    command = [sys.executable, *CYTHONIZE, str(source)]
    done = subprocess.run(command, env=_compiler_environment(), cwd=source.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [extension] = source.parent.glob(f"{source.stem}.*.so")
    return extension


@pytest.fixture(scope="session")
def build_extension(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path | str], ModuleType]:
    """
    Compile a Cython file as anybody outside this tree would, against the installed ``.pxd`` files, and import it.

    Given a path, whose folder's ``.pxd`` files come along, or the text of a ``.pyx``. Either begins with
    ``# distutils: language = c++``. What was built once is built for the session.
    """
    built: dict[str, ModuleType] = {}

    def build(source: Path | str) -> ModuleType:
        name = source.stem if isinstance(source, Path) else f"probe_{hashlib.sha256(source.encode()).hexdigest()[:12]}"
        if name not in built:
            copy = tmp_path_factory.mktemp(name) / f"{name}.pyx"
            copy.write_text(source if isinstance(source, str) else source.read_text(encoding="utf-8"), encoding="utf-8")
            for declarations in source.parent.glob("*.pxd") if isinstance(source, Path) else ():
                shutil.copy(declarations, copy.parent)
            built[name] = _load(name, _compile(copy))
        return built[name]

    return build
