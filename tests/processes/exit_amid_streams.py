"""A program that ends in the middle of streams that nobody has left: read in part, unread, waiting, with progress shown."""

import builtins
import itertools

import lightwork as lw


def fail(item: int) -> int:
    """Fail at once, but for the first."""
    return 1 // (item == 0)


streams = [
    lw.parallel_iter(abs, itertools.count()),
    lw.parallel_iter(abs, itertools.count(), ordered=True, timeout=60),
    lw.parallel_iter(fail, itertools.count(), retry=lw.Retry(5, backoff=30.0), rate_limit=1000),
    lw.parallel_iter(abs, itertools.count(), workers=1),
    lw.iter_stages(itertools.count(), abs, str),
]
for stream in streams:
    assert next(stream).ok
streams.append(lw.parallel_iter(abs, itertools.count()))
builtins.streams = streams  # type: ignore[attr-defined]  # these are the last to go, when modules are empty
print("leaves")
