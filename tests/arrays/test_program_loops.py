"""Programs: every loop and every cast in one has the bits that it has alone."""

from itertools import product

import numpy as np
import pytest
from bits import assert_same_outcome, outcome_of
from strategies import COMPLEX, INTEGERS, REALS, values
from ufuncs import ELEMENTWISE, nogil_loops

import lightwork as lw

N = 3000  # some blocks and a remainder
NUMBERS = ("?", *INTEGERS, *REALS, *COMPLEX)


@pytest.mark.parametrize("ufunc", ELEMENTWISE, ids=lambda ufunc: ufunc.__name__)
def test_every_loop(ufunc: np.ufunc) -> None:
    """A loop reads and writes temporaries, in place where it can, and arrays as it does in NumPy."""
    for dtypes in nogil_loops(ufunc):
        arrays = [values(dtype, N, seed) for seed, dtype in enumerate(dtypes)]

        def of_temporaries(*arrays: np.ndarray) -> object:
            return ufunc(*[np.where(True, array, array) for array in arrays])

        for function in (ufunc, of_temporaries):
            assert_same_outcome(outcome_of(lw.fuse(lambda *arrays: function(*arrays)), *arrays), outcome_of(function, *arrays))  # noqa: B023


@pytest.mark.parametrize(("source", "target"), list(product(NUMBERS, NUMBERS)))
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_every_cast(source: str, target: str) -> None:
    """A cast of an argument, contiguous or not, and of a temporary gives what astype gives, and warns as it does."""
    array = values(source, 2 * N)

    def cast(x: np.ndarray) -> object:
        return x.astype(target), x[::2].astype(target), np.where(True, x, x).astype(target)

    assert_same_outcome(outcome_of(lw.fuse(cast), array), outcome_of(cast, array))
