"""A child of a fork sends a shared array of its parent's, and leaves the files that have names to it. Takes their directory."""

import os
import sys
from pathlib import Path

import lightwork as lw
from lightwork.processes import files
from lightwork.processes.loading import loads
from lightwork.processes.segments import Segments

N_ITEMS = 100_000
DIRECTORY = Path(sys.argv[1])


def in_child(act: object) -> None:
    """Do something in a child, and fail if it does."""
    child = os.fork()
    if not child:
        try:
            act()  # type: ignore[operator]
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def send() -> None:
    """Send the array, by way of this process: its parent may be gone."""
    with Segments() as segments:
        payload = segments.dumps(array).payload
    assert f"/proc/{os.getpid()}/".encode() in payload
    assert loads(payload).sum() == N_ITEMS


def drop() -> None:
    """Let go of the array."""
    global array
    del array
    assert len([*DIRECTORY.iterdir()]) == 1


array = lw.shared_empty(N_ITEMS)
array[:] = 1
in_child(send)

files.OPEN_FILES = Path("/nowhere")  # as on systems that show no open files
lw.configure(shared_memory=DIRECTORY)
array = lw.shared_empty(N_ITEMS)
in_child(drop)
assert len([*DIRECTORY.iterdir()]) == 1
