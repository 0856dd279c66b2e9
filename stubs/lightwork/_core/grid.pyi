from typing import Any

import numpy as np
import numpy.typing as npt

def reduce_grid(
    ufunc: np.ufunc, array: npt.NDArray[Any], axes: tuple[int, ...], wanted: np.dtype[Any], is_exact: bool, n_workers: int = 0
) -> npt.NDArray[Any] | None: ...
