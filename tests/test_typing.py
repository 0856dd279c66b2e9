"""What type checkers say of uses of the library: all right of ``typing/accept.py``, an error for each line of ``typing/reject.py``."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHECKERS = {"mypy": ["mypy"], "pyright": ["pyright", "--pythonpath", sys.executable]}

pytestmark = pytest.mark.types


def check(checker: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run a type checker with the project's settings."""
    command = [sys.executable, "-m", *CHECKERS[checker], *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=170)


@pytest.mark.parametrize("checker", CHECKERS)
def test_uses_are_accepted_and_misuses_rejected(checker: str) -> None:
    """Accepted uses have their types, and every misuse has the error that its comment names: an idle comment is one, too."""
    done = check(checker, ROOT / "tests" / "typing" / "accept.py", ROOT / "tests" / "typing" / "reject.py")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_comment_that_hides_nothing_is_an_error(checker: str) -> None:
    """A misuse that began to type-check would be noticed."""
    probe = ROOT / "build" / "idle_comment.py"
    probe.parent.mkdir(exist_ok=True)
    probe.write_text("x: int = 1  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]\n", encoding="utf-8")
    done = check(checker, probe)
    assert done.returncode == 1
    assert "nnecessary" in done.stdout or "unused-ignore" in done.stdout, done.stdout
