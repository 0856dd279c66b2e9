from collections.abc import Iterator, Mapping, Sequence
from types import GenericAlias
from typing import Any, Generic, TypeVar, final

_T_co = TypeVar("_T_co", covariant=True)

@final
class ItemResult(Generic[_T_co]):
    def __new__(
        cls,
        index: int,
        key: Any = None,
        value: _T_co | None = None,
        error: BaseException | None = None,
        attempts: int = 1,
        duration: float | None = None,
        queued: float | None = None,
    ) -> ItemResult[_T_co]: ...
    @property
    def index(self) -> int: ...
    @property
    def key(self) -> Any: ...
    @property
    def value(self) -> _T_co | None: ...
    @property
    def error(self) -> BaseException | None: ...
    @property
    def attempts(self) -> int: ...
    @property
    def duration(self) -> float | None: ...
    @property
    def queued(self) -> float | None: ...
    @property
    def ok(self) -> bool: ...
    @property
    def outcome(self) -> _T_co | BaseException: ...
    def unwrap(self) -> _T_co: ...
    def __iter__(self) -> Iterator[Any]: ...
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

def row_of_results(
    start: int,
    values: list[_T_co],
    keys: Mapping[int, Any] | None,
    attempts: int,
    stamps: Sequence[float],
    first: float | None,
    admitted: float,
) -> list[ItemResult[_T_co]]: ...
