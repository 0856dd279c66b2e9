from collections.abc import Callable
from typing import Any, TypeVar

from lightwork.arrays.outputs import DECLINED as DECLINED

_F = TypeVar("_F", bound=Callable[..., Any])

def described(numpys: Callable[..., Any]) -> str | None: ...
def named_after(numpys: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]: ...
def or_numpys(numpys: Callable[..., Any]) -> Callable[[_F], _F]: ...

class Deferred:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None: ...

def at_callers_line(ours: _F) -> _F: ...
