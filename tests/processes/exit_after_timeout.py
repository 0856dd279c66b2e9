"""A run whose time was over, with items that wait for another attempt and for a limiter: exit is immediate."""

import time

import lightwork as lw


def fail(item: int) -> int:
    """Fail at once."""
    raise ConnectionError(item)


retry = lw.Retry(5, backoff=30.0, jitter="none")
began = time.monotonic()
result = lw.parallel_map(fail, range(20), timeout=0.2, retry=lw.Retry(5, backoff=0.15, jitter="none"), rate_limit=lw.RateLimit(10, burst=4))
assert result.status is lw.RunStatus.TIMED_OUT
stream = lw.parallel_iter(lambda item: item or fail(item), range(2), retry=retry, ordered=False)
assert next(stream).value == 1  # the other waits half a minute
assert time.monotonic() - began < 5
print("leaves")
