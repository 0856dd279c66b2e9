from collections.abc import Callable
from typing import Any

import numpy as np
from lightwork.arrays.memory import Memory
from lightwork.arrays.schedule import Stage
from typing_extensions import disjoint_base

@disjoint_base
class TracedFunction:
    def __init__(self, function: Callable[..., Any]) -> None: ...
    def __call__(self, *args: Any, out: Any = None, **kwargs: Any) -> Any: ...
    @property
    def memory(self) -> Memory: ...

@disjoint_base
class TracedMethod:
    def __init__(self, function: TracedFunction, instance: object) -> None: ...
    def __call__(self, *args: Any, out: Any = None, **kwargs: Any) -> Any: ...
    @property
    def __func__(self) -> Any: ...
    @property
    def __self__(self) -> Any: ...

def call_reduced(
    fn: Callable[..., Any],
    memory: Memory,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    ufunc: np.ufunc,
    choose: Callable[[np.dtype[Any]], tuple[np.dtype[Any], bool] | None],
) -> tuple[Any, int]: ...
def schedule_of(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Stage, ...] | str: ...
