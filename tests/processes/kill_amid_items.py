"""A program that is killed while its workers have arrays among their items: they end with it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import lightwork as lw

SECONDS = 20


def say_and_sleep(item: tuple[str, npt.NDArray[Any]]) -> float:
    """Say who has an array, and keep it."""
    directory, array = item
    (Path(directory) / str(os.getpid())).touch()
    time.sleep(1000)
    return float(array.sum())


def workers_in(directory: str) -> list[int]:
    """Return who has said so."""
    return [int(path.name) for path in Path(directory).iterdir()]


def of(process: int) -> list[str]:
    """Return what there is in the directory for shared memory that has a process in its name, or lightwork."""
    return [name for name in os.listdir("/dev/shm") if str(process) in name or "lightwork" in name]


def is_there(process: int) -> bool:
    """Whether a process is, and has not ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait for something, but not for long."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


if len(sys.argv) > 1:
    lw.parallel_map(say_and_sleep, [(sys.argv[1], np.ones(1_000_000))] * 2, executor="process", workers=2, chunk_size=1)

with tempfile.TemporaryDirectory() as directory:
    program = subprocess.Popen([sys.executable, __file__, directory], stderr=subprocess.DEVNULL)  # who clears up says so
    wait_until(lambda: len(workers_in(directory)) == 2, SECONDS)
    workers = workers_in(directory)
    assert not [name for name in of(program.pid) if "lightwork" in name]
    program.send_signal(signal.SIGKILL)
    program.wait()
    wait_until(lambda: not any(map(is_there, workers)), 2)
    wait_until(lambda: not of(program.pid), SECONDS)  # the semaphores of loky, for which somebody else comes
