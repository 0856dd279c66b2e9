"""Arrays for worker processes where files may not be larger than a megabyte. Takes the directory for shared memory."""

import resource
import sys

import numpy as np

import lightwork as lw
from lightwork.processes.segments import Segments

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
LIMIT = "files may not be as large here as 8.0 MB of arrays that worker processes are to share (RLIMIT_FSIZE, ulimit -f)"


def refused(act: object) -> None:
    """Fail unless something fails for want of room, with a message that says so."""
    try:
        act()  # type: ignore[operator]
    except OSError as error:
        assert LIMIT in str(error), error
    else:
        raise AssertionError("there was room")


for directory in (None, sys.argv[1]):
    with lw.configure(shared_memory=directory), Segments() as segments:
        refused(lambda: lw.shared_empty(1_000_000))
        refused(lambda: segments.dumps(np.ones(1_000_000)))
        assert len(segments.dumps(np.ones(100_000)).segments) == 1
