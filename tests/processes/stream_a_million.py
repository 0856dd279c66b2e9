"""So many items pass a stream whose reader pauses now and then: none is alive that the window does not allow for."""

import gc
import resource
import sys
import time
import weakref
from collections.abc import Iterator

import lightwork as lw

N_ITEMS = int(sys.argv[1])
WINDOW = 1000


class Item:
    """Something that can be seen to die, of a kilobyte."""

    __slots__ = ("__weakref__", "content")

    def __init__(self) -> None:
        self.content = bytes(1000)


alive: weakref.WeakSet[Item] = weakref.WeakSet()


def source() -> Iterator[Item]:
    """Yield new items, and keep none."""
    for _ in range(N_ITEMS):
        item = Item()
        alive.add(item)
        yield item


def n_alive() -> int:
    """Return how many items are alive; without a GIL who made an object buries it, when it has time to, or now."""
    for _ in range(20):
        if len(alive) <= WINDOW + 2:
            break
        gc.collect()
    return len(alive)


def kilobytes() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


n_read = most = before = 0
for _result in lw.parallel_iter(lambda item: item, source(), workers=2, window=WINDOW):
    n_read += 1
    most = max(most, n_alive())
    if n_read % 100_000 == 0:
        time.sleep(0.01)  # others go on as far as they may
        before = before or kilobytes()
assert n_read == N_ITEMS
print(most - WINDOW, (kilobytes() - before) / 1024)
