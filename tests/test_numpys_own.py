"""NumPy's own tests, as they come with it, pass on this package's namespace in place of NumPy's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

MODULES = ("_core/tests/test_umath", "_core/tests/test_ufunc", "_core/tests/test_numeric", "lib/tests/test_nanfunctions", "lib/tests/test_histograms")

# Tests of what is NumPy's alone, each with its reason.
LEFT_OUT = {
    "test_pickle_withstring": "reads a pickle that names NumPy's object",
    "test_ufunc_docstring": "writes to the docstring of NumPy's object, which is its to keep",
    "TestAdd_newdoc_ufunc": "calls a C function that takes NumPy's type only",
    "TestReplaceLoopBySignature": "likewise",
}
LEFT_OUT_OF: dict[str, dict[str, str]] = {
    "lightwork.numpy": {},
    "shared_numpy": {
        "test_pickle": "pickles a class that was made for this test",
        "test_ufunc_no_reference_leak": "counts references to a dtype, which the cache of loops keeps",
    },
}


def alias(module: str, namespace: str, folder: Path) -> Path:
    """Copy one of NumPy's test modules, with another namespace under the name of NumPy's."""
    source = Path(np.__file__).parent.joinpath(module).with_suffix(".py").read_text(encoding="utf-8")
    text, count = re.subn(r"^import numpy as np$", f"import {namespace} as np", source, flags=re.MULTILINE)
    assert count == 1
    copy = folder / f"{Path(module).name}.py"
    copy.write_text(text, encoding="utf-8")
    return copy


@pytest.mark.numpys_own
@pytest.mark.parametrize("namespace", LEFT_OUT_OF)
def test_numpys_own_tests_pass(namespace: str, tmp_path: Path) -> None:
    """With calls shared as they are worth it, and with all of them shared in the smallest chunks."""
    files = [str(alias(module, namespace, tmp_path)) for module in MODULES]
    left_out = " or ".join(LEFT_OUT | LEFT_OUT_OF[namespace])
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider", "-c", os.devnull, "-k", f"not ({left_out})", *files]
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    run = subprocess.run(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr
    n_passed = re.search(r"(\d+) passed", run.stdout)
    assert n_passed is not None
    assert int(n_passed[1]) > 5000, run.stdout
