"""Compile ``probe.pyx`` against the installed package, as anybody outside this tree would; once, until something it is made of changes."""

import hashlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
SOURCE = HERE / "probe.pyx"
BUILT = HERE.parent / "build" / "benchmarks"
FLAGS = "-O2 -std=c++17"
COMMAND = (sys.executable, "-m", "Cython.Build.Cythonize", "--inplace", "--quiet", "-3", "-X", "freethreading_compatible=True")


def load_probe() -> ModuleType:
    """Import the probe, compiled if need be."""
    folder = BUILT / fingerprint()
    extension = folder / f"probe{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not extension.exists():
        compile_in(folder)
    spec = spec_from_file_location("probe", extension)
    assert isinstance(spec, ModuleSpec)
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package() -> Path:
    """Return the folder of the installed package, without importing it."""
    spec = find_spec("lightwork")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("lightwork is not installed; install it first, as CONTRIBUTING.md says", name="lightwork")
    return Path(spec.origin).parent


def sources() -> Iterator[Path]:
    """Yield what the probe is compiled from."""
    yield SOURCE
    yield from sorted(package().rglob("*.pxd"))


def fingerprint() -> str:
    """Return a name for this interpreter and these sources."""
    digest = hashlib.sha256(f"{sys.version} {FLAGS}".encode())
    for source in sources():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def compile_in(folder: Path) -> None:
    """Compile a copy of the source in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / SOURCE.name
    copy.write_bytes(SOURCE.read_bytes())
    environment = os.environ | {"CFLAGS": FLAGS, "CXXFLAGS": FLAGS, "PYTHONPATH": str(package().parent)}
    done = subprocess.run([*COMMAND, copy.name], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the probe does not compile:\n{done.stdout}{done.stderr}")
