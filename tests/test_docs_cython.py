"""The extension of ``docs/cython.md`` builds by the commands that stand there, and prints what stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import lightwork

PAGE = (Path(__file__).parent.parent / "docs" / "cython.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """Return the page's only block of a kind."""
    [text] = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def environment() -> dict[str, str]:
    """Return one in which this interpreter's commands and the package are found, as after an installation."""
    folders = {"PATH": Path(sys.executable).parent, "PYTHONPATH": Path(lightwork.__path__[0]).parent}
    return os.environ | {name: f"{folder}{os.pathsep}{os.environ.get(name, '')}" for name, folder in folders.items()}


def test_the_example_does_what_the_page_says(tmp_path: Path) -> None:
    """The commands, run where the example was saved, end in the output below them."""
    (tmp_path / "collatz.pyx").write_text(block("cython"), encoding="utf-8")
    lines = block("console").splitlines()
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    done = subprocess.run(["bash", "-ec", "\n".join(commands)], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == lines[-1] == "(837799, 524)"
