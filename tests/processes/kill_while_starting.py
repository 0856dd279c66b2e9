"""Programs whose worker processes are starting are killed: the workers end, too, and let nothing be where they can help it."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = """
import time
import lightwork as lw
print("go", flush=True)
lw.parallel_map(time.sleep, [30] * 4, executor="process", workers=2)
"""
SECONDS = 10


def processes_of(folder: str) -> list[Path]:
    """Return those that were started with this folder for temporary files."""
    return [each for each in Path("/proc").iterdir() if each.name.isdigit() and folder.encode() in environment_of(each)]


def environment_of(process: Path) -> bytes:
    """Return the variables of a process, if there are any."""
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


for milliseconds in (200, 350, 450, 600):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], env=os.environ | {"TMPDIR": folder}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert program.stdout is not None
        assert program.stdout.readline() == b"go\n"
        time.sleep(milliseconds / 1000)
        program.kill()
        program.wait()
        program.stdout.close()
        until = time.monotonic() + SECONDS
        while processes_of(folder):
            assert time.monotonic() < until, (milliseconds, [(each / "cmdline").read_bytes() for each in processes_of(folder)])
            time.sleep(0.05)
