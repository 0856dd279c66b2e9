from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, final, overload

from lightwork._core.pool import Core

from lightwork._core.statistics import PoolStatistics

_T = TypeVar("_T")

@final
class StopFlag:
    def set(self) -> None: ...
    def is_set(self) -> bool: ...

@final
class Outcome:
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    @property
    def values(self) -> list[Any]: ...
    @property
    def failures(self) -> dict[int, BaseException]: ...
    @property
    def n_finished(self) -> int: ...
    @property
    def interrupt(self) -> BaseException | None: ...

@overload
def map_items(
    fn: Callable[[_T], object],
    items: Sequence[_T],
    *,
    n_workers: int = 0,
    star: Literal[False] = False,
    core: Core | None = None,
    stop: StopFlag | None = None,
    missing: object = None,
) -> Outcome: ...
@overload
def map_items(
    fn: Callable[..., object],
    items: Sequence[Any],
    *,
    n_workers: int = 0,
    star: bool,
    core: Core | None = None,
    stop: StopFlag | None = None,
    missing: object = None,
) -> Outcome: ...
def statistics() -> PoolStatistics: ...
def count_aside() -> int: ...
def shared_core() -> Core: ...
