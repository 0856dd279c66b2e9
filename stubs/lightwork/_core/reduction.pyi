from typing import Any

import numpy as np
import numpy.typing as npt

def reduction_dtype(ufunc: np.ufunc, given: np.dtype[Any], wanted: np.dtype[Any] | None = None) -> np.dtype[Any] | None: ...
def worth_sharing_dtype(
    ufunc: np.ufunc, array: npt.NDArray[Any], wanted: np.dtype[Any] | None = None, n_workers: int = 0
) -> np.dtype[Any] | None: ...
def fold(
    ufuncs: tuple[np.ufunc, ...], array: npt.NDArray[Any], wanted: np.dtype[Any] | None = None, n_workers: int = 0
) -> npt.NDArray[Any] | None: ...
