from collections.abc import Callable
from typing import Any, Literal, Protocol, SupportsIndex, TypeVar, overload

import numpy as np
import numpy.typing as npt

_Out = TypeVar("_Out", bound=npt.NDArray[Any] | tuple[npt.NDArray[Any] | None, ...])

class _CFunction(Protocol):
    # ctypes and cffi pointers, capsules, scipy.LowLevelCallable, Numba's CFunc: they have nothing in common but this
    def __hash__(self) -> int: ...

@overload
def chunked_map(
    fn: np.ufunc | Callable[..., Any] | _CFunction,
    *arrays: npt.ArrayLike,
    out: _Out,
    dtype: npt.DTypeLike | None = None,
    axis: int = 0,
    chunk_size: SupportsIndex | None = None,
    workers: SupportsIndex | None = None,
    executor: Literal["thread", "process"] = "thread",
) -> _Out: ...
@overload
def chunked_map(
    fn: np.ufunc | Callable[..., Any] | _CFunction,
    *arrays: npt.ArrayLike,
    out: None = None,
    dtype: npt.DTypeLike | None = None,
    axis: int = 0,
    chunk_size: SupportsIndex | None = None,
    workers: SupportsIndex | None = None,
    executor: Literal["thread", "process"] = "thread",
) -> Any: ...
