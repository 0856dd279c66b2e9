"""Arrays in memory that worker processes can map."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

import numpy as np

from lightwork._config import settings
from lightwork.processes.layout import is_plain

if TYPE_CHECKING:
    import numpy.typing as npt

    from lightwork.processes.layout import Array

__all__ = ["shared_empty", "shared_empty_like"]


def shared_empty(shape: SupportsIndex | Sequence[SupportsIndex], dtype: npt.DTypeLike = float, order: Literal["C", "F"] = "C") -> npt.NDArray[Any]:
    """
    Return a new array, of zeros, in memory that worker processes can map.

    Sent to workers, by ``chunked_map(..., executor="process")``, it is not copied; else it is an array like others.

    Parameters
    ----------
    shape : int or sequence of int
        As for :func:`numpy.empty`.
    dtype : dtype_like, default float
        Of anything but Python objects.
    order : {"C", "F"}, default "C"
        The order of its items in memory.

    Returns
    -------
    ndarray

    Raises
    ------
    OSError
        If there is no room; it names the directory and what is free there.

    Notes
    -----
    The memory has no name that somebody would have to remove: it is free when the last array and the last worker has let go of it,
    or the last process has ended, in whatever way. Until then it takes two of the files that a process may have open.

    Examples
    --------
    >>> import lightwork as lw
    >>> x = lw.shared_empty(1_000_000)
    >>> x[:] = range(1_000_000)
    >>> float(x.sum())
    499999500000.0
    """
    return shared_empty_like(np.empty(shape, dtype, order))


def shared_empty_like(model: Array) -> Array:
    """Return an array in shared memory of the dtype, shape and strides of a contiguous one, which is not touched."""
    if not is_plain(model):
        raise TypeError(f"items of dtype {model.dtype} cannot be shared between processes, for they are more than their bytes; choose another dtype")
    from lightwork.processes.segment import Segment  # noqa: PLC0415 - takes some milliseconds, and few need it

    n_bytes = max(1, prod(model.shape) * model.itemsize)
    segment = Segment.make(settings().shared_memory)
    segment.reserve(segment.grow(n_bytes), n_bytes)
    mapping = segment.map_own()
    array: Array = np.ndarray(model.shape, model.dtype, mapping, 0, model.strides)
    return array
