"""
NumPy's namespace on every core: ``import lightwork.numpy as np``.

Elementwise ufuncs share their calls between workers, and so do reductions, scans and counts, with NumPy's bits; every other public
name is NumPy's own object, and so are modules such as ``lightwork.numpy.linalg``.
"""

import sys as _sys
from typing import Any

import numpy as _numpy  # noqa: ICN001  np would be a name of this namespace

from lightwork.arrays import counting as _counting
from lightwork.arrays import moments as _moments
from lightwork.arrays import nans as _nans
from lightwork.arrays import positions as _positions
from lightwork.arrays import reductions as _reductions
from lightwork.arrays import scans as _scans
from lightwork.arrays.ufunc import on_every_core as _on_every_core
from lightwork.numpy._modules import offer as _offer

__all__ = _numpy.__all__  # pyright: ignore[reportUnsupportedDunderAll]  its stub says what a type checker sees


def _is_elementwise(value: object) -> bool:
    """Whether this is a ufunc that works item by item; the others, such as ``matmul``, stay NumPy's."""
    return isinstance(value, _numpy.ufunc) and value.signature is None


_FUNCTIONS = {
    name: value
    for module in (_counting, _moments, _nans, _positions, _reductions, _scans)
    for name, value in vars(module).items()
    if name in module.__all__ and name in __all__
}

_offer(__name__, _numpy.__name__)
globals().update(_FUNCTIONS)
globals().update({name: _on_every_core(value) for name, value in vars(_numpy).items() if _is_elementwise(value)})


def __getattr__(name: str) -> Any:
    try:
        return getattr(_numpy, name)
    except AttributeError as error:
        raise AttributeError(str(error).replace("module 'numpy'", f"module {__name__!r}"), name=name, obj=_sys.modules[__name__]) from None


def __dir__() -> list[str]:
    return dir(_numpy)
