from collections.abc import Callable
from typing import Any, TypeVar

from lightwork.arrays.outputs import DECLINED as DECLINED

_F = TypeVar("_F", bound=Callable[..., Any])

def or_numpys(numpys: Callable[..., Any]) -> Callable[[_F], _F]: ...
