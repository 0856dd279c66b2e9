"""What the examples share: run the same work by NumPy and by lightwork, compare the results to the bit, time both."""

import statistics
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

N_REPEATS = 3


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def compare(numpy: Callable[[], Array], lightwork: Callable[[], Array]) -> Array:
    """Print how both compare, and return the result, which must be the same for both."""
    expected, result = numpy(), lightwork()
    np.testing.assert_array_equal(result, expected, strict=True)  # dtype and shape as well
    if result.tobytes() != expected.tobytes():
        raise AssertionError("the sign of a zero or the bits of a NaN differ")
    times = [(seconds(numpy), seconds(lightwork)) for _ in range(N_REPEATS)]
    theirs, ours = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
    print(f"NumPy {theirs:.1f} ms, lightwork {ours:.1f} ms, ratio {theirs / ours:.2f}, results equal to the bit")
    return result
