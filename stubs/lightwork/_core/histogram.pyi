from typing import Any

import numpy as np
import numpy.typing as npt

def count_between(array: npt.NDArray[Any], edges: npt.NDArray[Any], margin: float, n_workers: int = 0) -> npt.NDArray[np.intp] | None: ...
