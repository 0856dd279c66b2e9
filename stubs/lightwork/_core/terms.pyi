from typing import Any

import numpy as np
import numpy.typing as npt

def has_kernel(dtype: np.dtype[Any], leaves_out_nan: bool = False) -> bool: ...
def sum_deviations(
    array: npt.NDArray[Any], centre: npt.NDArray[Any], leaves_out_nan: bool = False, n_workers: int = 0
) -> npt.NDArray[Any] | None: ...
def sum_numbers(array: npt.NDArray[Any], n_workers: int = 0) -> tuple[npt.NDArray[Any], int] | None: ...
