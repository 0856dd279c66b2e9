"""What the examples share: run the same work in two ways, compare the results to the bit, time both."""

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


def medians(*calls: Callable[[], object]) -> list[float]:
    """Return how long each call takes, measured by turns."""
    times = [[seconds(call) for call in calls] for _ in range(N_REPEATS)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def compare(numpy: Callable[[], Array], lightwork: Callable[[], Array]) -> Array:
    """Print how both compare, and return the result, which must be the same for both."""
    expected, result = numpy(), lightwork()
    np.testing.assert_array_equal(result, expected, strict=True)  # dtype and shape as well
    if result.tobytes() != expected.tobytes():
        raise AssertionError("the sign of a zero or the bits of a NaN differ")
    theirs, ours = medians(numpy, lightwork)
    print(f"NumPy {1e3 * theirs:.1f} ms, lightwork {1e3 * ours:.1f} ms, ratio {theirs / ours:.2f}, results equal to the bit")
    return result
