"""``import lightwork.numpy as np``: NumPy's namespace, name by name."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from lightwork.arrays.ufunc import Ufunc

import lightwork.numpy as lnp

OURS = """
    sum prod mean var std min max amin amax ptp argmin argmax any all count_nonzero nansum nanmean nanvar nanstd nanmin nanmax
    nanargmin nanargmax average histogram bincount cumsum cumprod
"""


@pytest.mark.parametrize("name", sorted(np.__all__))
def test_every_name_is_numpys_or_its_twin(name: str) -> None:
    """Elementwise ufuncs and the functions that are named here run on every core; whatever else there is is NumPy's own object."""
    mine, numpys = getattr(lnp, name), getattr(np, name)
    if isinstance(numpys, np.ufunc) and numpys.signature is None:
        assert isinstance(mine, Ufunc)
        assert mine.ufunc is numpys
    elif name in OURS.split():
        assert mine is not numpys
        if name != "bincount":  # which tells none in some versions
            assert inspect.signature(mine).parameters.keys() == inspect.signature(numpys).parameters.keys()
    else:
        assert mine is numpys


def test_the_namespace_lists_what_numpys_does() -> None:
    """For completion, and for ``import *``."""
    assert dir(lnp) == dir(np)
    assert sorted(vars(lnp)["__all__"]) == sorted(np.__all__)
    assert lnp.__version__ == np.__version__


def test_a_name_that_is_missing_is_an_error() -> None:
    """As it is in NumPy."""
    with pytest.raises(AttributeError):
        getattr(lnp, "nothing")  # noqa: B009  to a type checker it is missing, too


def test_a_script_needs_no_other_change() -> None:
    """Star imports, submodules and constants are there, and NumPy itself is left as it was."""
    script = """
from lightwork.numpy import *
from lightwork.numpy import linalg, random, float32
import lightwork.numpy as np
x = np.arange(6.0).reshape(2, 3)
assert (np.sqrt(x @ x.T) == sqrt(matmul(x, x.T))).all() and np.linalg.norm(x) == linalg.norm(x) and x.dtype == np.float64
import numpy
assert type(numpy.sqrt) is numpy.ufunc and np.sqrt is not numpy.sqrt
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
