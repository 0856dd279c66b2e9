from typing import Any

import numpy as np
import numpy.typing as npt

def count_bins(array: npt.NDArray[Any], n_bins: int, n_workers: int = 0) -> npt.NDArray[np.intp] | None: ...
def count_nonzero_bits(array: npt.NDArray[Any], n_workers: int = 0) -> int | None: ...
