"""Stories of whole processes: each is told by a program of its own in ``processes``, against a deadline, and a hang ends in tracebacks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

STORIES = Path(__file__).parent / "processes"

# From 3.12 on Python warns of any fork in a process that has threads. It is right, and these children know what they do.
FORKS_KNOWINGLY = ("-W", "ignore::DeprecationWarning")


def tell(story: str, *arguments: object, options: tuple[str, ...] = (), timeout: float = 60, **environment: str) -> tuple[int, str, str]:
    """Run a story; return its status and what it printed. If it hangs, the tracebacks of its threads say where."""
    command = [sys.executable, "-X", "faulthandler", *options, str(STORIES / f"{story}.py"), *map(str, arguments)]
    process = subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        out, err = process.communicate(timeout=10)
        pytest.fail(f"{command} hangs\n{out}\n{err}")
    finally:
        end_session(process.pid)
    return process.returncode, out, err


def end_session(leader: int) -> None:
    """End what a story left behind, as a child that hangs."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def check(story: str, *arguments: object, options: tuple[str, ...] = (), timeout: float = 60, **environment: str) -> str:
    """Run a story that ends well and has nothing to complain of; return what it printed."""
    status, out, err = tell(story, *arguments, options=options, timeout=timeout, **environment)
    assert (status, err) == (0, ""), f"status {status}\n{out}\n{err}"
    return out
