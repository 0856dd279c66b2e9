"""``import lightwork.numpy as np``: NumPy's namespace, name by name."""

import inspect
import pickle
import subprocess
import sys
from typing import Any

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
    with pytest.raises(AttributeError, match=r"module 'lightwork\.numpy' has no attribute 'nothing'") as caught:
        getattr(lnp, "nothing")  # noqa: B009  to a type checker it is missing, too
    assert (caught.value.name, caught.value.obj) == ("nothing", lnp)  # by which Python looks for what was meant


def test_modules_are_numpys() -> None:
    """They are imported by any form of the statement, once, and know nothing of it."""
    script = """
import numpy.polynomial.polynomial, numpy.ma.core, numpy.lib.mixins, sys
before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "numpy"}
import lightwork.numpy.linalg, lightwork.numpy.lib.stride_tricks, lightwork.numpy._core.numeric
from lightwork.numpy.polynomial.polynomial import Polynomial
from lightwork.numpy.ma.core import MaskedArray
from lightwork.numpy.lib.mixins import NDArrayOperatorsMixin
import lightwork.numpy.random as random
import lightwork.numpy as np
from lightwork.numpy.typing import NDArray
from lightwork.numpy.ma import masked_less
import importlib, numpy
assert (Polynomial, MaskedArray) == (numpy.polynomial.Polynomial, numpy.ma.MaskedArray)
assert all(sys.modules[name] is module for name, module in before.items())
for name, module in sys.modules.items():
    if name.startswith("lightwork.numpy.") and name != "lightwork.numpy._modules":
        assert module is sys.modules[name.removeprefix("lightwork.")], name
        parent, _, child = name.removeprefix("lightwork.").rpartition(".")
        assert getattr(sys.modules[parent], child, module) is module, name
importlib.reload(np)
assert len([finder for finder in sys.meta_path if type(finder).__module__.startswith("lightwork")]) == 1
assert np.linalg is lightwork.numpy.linalg is numpy.linalg and random is numpy.random and masked_less is numpy.ma.masked_less
assert numpy.linalg.__spec__.name == "numpy.linalg" and np.lib.stride_tricks is numpy.lib.stride_tricks
for name in ("nothing", "linalg.nothing", "exp.nothing"):
    try:
        __import__(f"lightwork.numpy.{name}")
    except ModuleNotFoundError as error:
        assert "lightwork.numpy." in str(error)
    else:
        assert False
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


@pytest.mark.parametrize("name", ["min", "amin", "max", "amax", "sum", "ptp", "argmin", "var"])
def test_a_keyword_that_is_unknown_is_an_error_of_numpys_name(name: str) -> None:
    """As in NumPy, whatever the function is called inside."""
    for function in (getattr(np, name), getattr(lnp, name)):
        with pytest.raises(TypeError, match=rf"^{name}\(\) got an unexpected keyword argument 'nothing'"):
            function(np.arange(70_000.0), nothing=1)


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


class Foreign:
    """An array of another library, which tells what it was asked."""

    def __array_function__(self, function: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the call."""
        return function, args[1:], kwargs


@pytest.mark.parametrize("name", OURS.split())
def test_foreign_arrays_are_asked_as_by_numpy(name: str) -> None:
    """With the arguments that the caller gave, and no others: theirs may not have all that NumPy's functions have."""
    foreign = Foreign()
    assert getattr(lnp, name)(foreign) == getattr(np, name)(foreign)
    assert getattr(lnp, name)(foreign, 1) == getattr(np, name)(foreign, 1)


@pytest.mark.parametrize("name", ["nanmean", "nanmax", "nanvar", "histogram"])
def test_warnings_of_functions_point_at_the_caller(name: str) -> None:
    """As NumPy's do, so that they are told once for each line, not once for all."""
    array = np.ones(3, np.bool_) if name == "histogram" else np.full(3, np.nan)
    with pytest.warns(RuntimeWarning) as seen:
        getattr(lnp, name)(array)
    assert [warning.filename for warning in seen] == [__file__]


def test_functions_have_the_names_and_signatures_of_numpys() -> None:
    """For ``help``, editors and pickles."""
    assert (lnp.amin.__name__, lnp.min.__name__) == ("amin", "min")
    assert inspect.signature(lnp.sum) == inspect.signature(np.sum)
    assert pickle.loads(pickle.dumps(lnp.sum)) is lnp.sum
