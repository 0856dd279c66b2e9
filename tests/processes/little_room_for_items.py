"""Arrays among items of worker processes where files may not be larger than a megabyte. Takes the directory for shared memory."""

import functools
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import lightwork as lw

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
LIMIT = "files may not be as large here as 8.0 MB of arrays that worker processes are to share (RLIMIT_FSIZE, ulimit -f)"

small, large = np.ones(100_000), np.ones(1_000_000)


def refused(function: Callable[..., Any], items: list[Any]) -> None:
    """Fail unless a call fails for want of room, with a message that says so."""
    try:
        lw.parallel_map(function, items, executor="process", workers=2)
    except OSError as error:
        assert LIMIT in str(error), error
    else:
        raise AssertionError("there was room")


for directory in (None, sys.argv[1]):
    with lw.configure(shared_memory=directory):
        refused(np.sum, [large])
        refused(functools.partial(np.dot, large), [1])
        assert list(lw.parallel_map(np.sum, [small] * 4, executor="process", workers=2)) == [100_000.0] * 4
        with lw.ProcessPool(1) as pool:
            assert LIMIT in str(pool.submit(np.sum, large).exception())
            assert pool.submit(np.sum, small).result() == 100_000
