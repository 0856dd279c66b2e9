"""What is known of one item of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeVar, cast, final

__all__ = ["ItemResult", "Measured"]

T = TypeVar("T")


class Measured(NamedTuple):
    """
    What was measured of an item.

    Attributes
    ----------
    attempts : int
        How often the function was called.
    duration : float or None
        Seconds from the first call's beginning to the last one's end, waits between them included.
    queued : float or None
        Seconds from the item's admission to the first call's beginning.
    """

    attempts: int = 1
    duration: float | None = None
    queued: float | None = None


@final
class ItemResult(Generic[T]):
    """
    What came of one item.

    Unpacks into two: ``for index, outcome in results``.

    Attributes
    ----------
    index : int
        Position of the item in the input.
    key : object
        What ``item_key`` calls the item; None if there is no such function.
    value : object
        What the function returned; None if it failed. :meth:`unwrap` tells the two apart.
    error : BaseException or None
        What it raised the last time, or why it was not called.
    attempts : int
        How often it was called; 0 for an item whose turn did not come.
    duration, queued : float or None
        Seconds that it took and waited, see :class:`Measured`; None where that was not measured.
    """

    __slots__ = ("attempts", "duration", "error", "index", "key", "queued", "value")

    # A plain class: a frozen dataclass takes five times as long to make, and a stream makes one for each item.
    def __init__(
        self,
        index: int,
        key: Any = None,
        value: T | None = None,
        error: BaseException | None = None,
        attempts: int = 1,
        duration: float | None = None,
        queued: float | None = None,
    ) -> None:
        self.index: int = index
        self.key: Any = key
        self.value: T | None = value
        self.error: BaseException | None = error
        self.attempts: int = attempts
        self.duration: float | None = duration
        self.queued: float | None = queued

    @property
    def ok(self) -> bool:
        """Whether the function returned."""
        return self.error is None

    @property
    def outcome(self) -> T | BaseException:
        """The value, or the exception in its place."""
        return cast("T", self.value) if self.error is None else self.error

    def unwrap(self) -> T:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("T", self.value)

    def __iter__(self) -> Iterator[Any]:
        yield self.index
        yield self.outcome

    def __repr__(self) -> str:
        name = "value" if self.error is None else "error"
        shown = [f"{self.index}"] if self.key is None else [f"{self.index}", f"key={self.key!r}"]
        return f"{type(self).__name__}({', '.join(shown)}, {name}={self.outcome!r}, attempts={self.attempts})"
