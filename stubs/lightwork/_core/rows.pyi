from typing import Any

import numpy as np

def has_kernel(dtype: np.dtype[Any]) -> bool: ...
