"""A call whose workers have mapped its arrays, say so, and wait for being killed. Takes the directory for shared memory, or nothing."""

import os
import signal
import sys

import numpy as np
import numpy.typing as npt

import lightwork as lw

Floats = npt.NDArray[np.float64]


def wait(part: Floats, out: Floats) -> None:
    """Use what is shared, say who does, and wait."""
    out[:] = part
    os.write(1, b"%d\n" % os.getpid())  # at once, or two processes' numbers could mix
    signal.pause()


if __name__ == "__main__":
    with lw.configure(shared_memory=sys.argv[1] if len(sys.argv) > 1 else None):
        lw.chunked_map(wait, np.ones(1_000_000), out=np.zeros(1_000_000), chunk_size=500_000, workers=2, executor="process")
