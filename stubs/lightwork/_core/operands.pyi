from typing import Any

import numpy.typing as npt

def may_overlap_itself(array: npt.NDArray[Any]) -> bool: ...
