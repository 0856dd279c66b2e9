"""Many large items pass a stream whose reader is slow: memory does not grow with them."""

import resource

import lightwork as lw

N_ITEMS = 100_000


def megabytes() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def enlarge(item: int) -> bytes:
    """Return ten kilobytes."""
    return bytes(10_000) + bytes([item % 256])


stream = lw.parallel_iter(enlarge, iter(range(N_ITEMS)), window=64, ordered=True)
for result in stream:
    if result.index == 2000:
        before = megabytes()
assert result.index == N_ITEMS - 1
print(round(megabytes() - before, 1))
