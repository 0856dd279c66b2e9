from typing import Any

import numpy.typing as npt

def is_line(array: npt.NDArray[Any]) -> bool: ...
