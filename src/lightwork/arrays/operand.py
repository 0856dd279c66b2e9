"""What of a call to a reduction can be shared: which arrays, and along which axes."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeGuard

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

__all__ = ["NO_VALUE", "SMALL", "Array", "axes_of", "by_numpy", "drops_parts", "is_array", "is_flag", "is_given", "is_shareable"]

#: What NumPy's own signatures have where nothing was said, so that it can be handed on.
NO_VALUE: Any = vars(np)["_NoValue"]

#: Items. NumPy is done with fewer before several workers could be: measured with a sum, which takes 4 us.
SMALL = 16_384


def is_shareable(array: object) -> TypeGuard[Array]:
    """Whether an operand is an exact array of many plain numbers; the meaning of all others is theirs or NumPy's to define."""
    return type(array) is np.ndarray and array.size >= SMALL and array.dtype.kind in "biufcmM" and array.dtype.isnative and array.flags.aligned


def is_given(value: object, default: object = None) -> bool:
    """Whether an argument was given and is not its default."""
    return value is not NO_VALUE and value is not default


def is_flag(value: object) -> bool:
    """Whether this says yes or no, or nothing; of what else is said for ``keepdims`` NumPy may have an opinion."""
    return value is NO_VALUE or type(value) in (bool, int)


def is_array(value: object) -> bool:
    """Whether a result of NumPy's is an array, not a scalar."""
    return isinstance(value, np.ndarray)


def drops_parts(given: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    """Whether a cast makes complex numbers real, of which NumPy warns with every call."""
    return given.kind == "c" and wanted.kind not in "cb"


def axes_of(axis: Any, n_dimensions: int) -> tuple[int, ...]:
    """Return the axes that are reduced, in order; none of them where NumPy has something to say about `axis`."""
    if axis is None:
        return tuple(range(n_dimensions))
    given: list[Any] = [*axis] if type(axis) is tuple else [axis]
    if not all(type(one) is int and -n_dimensions <= one < n_dimensions for one in given):
        return ()
    axes = tuple(sorted({one % n_dimensions for one in given}))
    return axes if len(axes) == len(given) else ()


def by_numpy(function: Any, *arguments: Any, **keywords: Any) -> Any:
    """Make NumPy's own call, whose types know less than it takes."""
    return function(*arguments, **keywords)
