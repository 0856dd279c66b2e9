"""What came of the items of a run: a value, a failure, or not their turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, cast, final, overload

from lightwork._errors import Aborted, Cancelled, TimedOut
from lightwork.tasks.item_result import ItemResult
from lightwork.tasks.measured import Measured
from lightwork.tasks.notes import item_note, note_failures
from lightwork.tasks.summaries import html_summary, text_summary

if TYPE_CHECKING:
    from lightwork.tasks.decision import Decision

__all__ = ["MISSING", "ItemResult", "Measured", "Missing", "ParallelResult", "RunStatus"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class RunStatus(Enum):
    """How a run ended; an item that failed by itself does not end it."""

    COMPLETED = "completed"  #: every item had its turn
    TIMED_OUT = "timed out"  #: its ``timeout`` was over
    ABORTED = "aborted"  #: ``max_errors`` was reached, or the source of the items failed
    CANCELLED = "cancelled"  #: somebody stopped it

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


_ENDINGS: dict[RunStatus, Callable[[str], Exception]] = {
    RunStatus.TIMED_OUT: TimedOut,
    RunStatus.ABORTED: Aborted,
    RunStatus.CANCELLED: Cancelled,
}


class Missing(Enum):
    """Stands where an item has no value."""

    MISSING = "no value"

    def __repr__(self) -> str:
        return f"<{self.value}>"


MISSING = Missing.MISSING

_ONCE = Measured()
_NEVER = Measured(attempts=0)


@final
class ParallelResult(Sequence[T_co]):
    """
    What came of all items of a run, in their order.

    A sequence of the values if there is one for every item (:attr:`ok`). If not, whatever asks for all values - iteration,
    indexing, :meth:`values` - raises one ``ExceptionGroup`` of all failures, and everything else tells what there is without raising.

    Parameters
    ----------
    n_items : int or None
        How many items the run had; None if that is not known, and so those that `values` has a place for.
    values : sequence
        The value of each item by its index, with anything at the places of those that failed and, unless the run completed, `MISSING`
        at those whose turn did not come. Kept, not copied. What is beyond its end had no turn.
    failures : mapping of int to BaseException
        What items raised, by their index.
    status : RunStatus
        How the run ended.
    reason : object, optional
        Why it ended early; an exception becomes the cause of the one that stands for the items that had no turn.
    order : sequence of int, optional
        The items in the order in which the result presents them. By index if it is not given; those that it lacks come last.
    keys : mapping or sequence, optional
        What each item is called, by index.
    measured : mapping or sequence of Measured, optional
        What was measured of each item, by index; an item that had a turn and is not in it was called once.
    arguments : mapping of int to object, optional
        What the failed items were; named in the notes of their exceptions, and let go of with the first look at one.

    decision : Decision, optional
        Who ran the items, and why, where that was not said.

    Notes
    -----
    Made by the functions that run items. Threads may read one at the same time. Costs nothing by item before it is read. Can be
    pickled if its values and exceptions can.
    """

    __slots__ = (
        "__weakref__",
        "_decision",
        "_ending",
        "_failures",
        "_keys",
        "_measured",
        "_n_items",
        "_order",
        "_reason",
        "_status",
        "_unnoted",
        "_values",
    )

    def __init__(  # noqa: PLR0913 - each of these may be missing, and none belongs to another
        self,
        n_items: int | None,
        values: Sequence[T_co | Missing],
        failures: Mapping[int, BaseException],
        status: RunStatus = RunStatus.COMPLETED,
        *,
        reason: object = None,
        order: Sequence[int] | None = None,
        keys: Mapping[int, Any] | Sequence[Any] | None = None,
        measured: Mapping[int, Measured] | Sequence[Measured] | None = None,
        arguments: Mapping[int, Any] | None = None,
        decision: Decision | None = None,
    ) -> None:
        self._n_items = max(n_items or 0, len(values))
        self._values: Sequence[Any] = values
        self._failures = failures
        self._status = status
        self._reason = reason
        self._order = order
        self._keys = keys
        self._measured = measured
        self._unnoted = [arguments]
        self._decision = decision
        self._ending: BaseException | None = None

    # --- What never raises ---

    @property
    def ok(self) -> bool:
        """Whether there is a value for every item."""
        return self._status is RunStatus.COMPLETED and not self._failures and len(self._values) == self._n_items

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        return self._status

    @property
    def decision(self) -> Decision | None:
        """Who ran the items, and why, where ``executor="auto"`` left that to be found out; None elsewhere."""
        return self._decision

    def __len__(self) -> int:
        """Return the number of items, with or without a value."""
        return self._n_items

    def ok_values(self) -> list[T_co]:
        """Return the values that there are."""
        return [self._values[i] for i in self._indices() if self._has_value(i)]

    def successes(self) -> list[tuple[int, T_co]]:
        """Return the values that there are, each with its item's index."""
        return [(i, self._values[i]) for i in self._indices() if self._has_value(i)]

    def failures(self) -> list[tuple[int, BaseException]]:
        """
        Return why the others have none, each with its item's index.

        What an item raised comes with a note of the item. For all items whose turn did not come it is one and the same
        ``TimedOut``, ``Aborted`` or ``Cancelled``, so that ``[items[i] for i, _ in result.failures()]`` is what remains to be done.
        """
        self._note_failures()
        return [(i, self._error(i)) for i in self._indices() if not self._has_value(i)]

    def outcomes(self) -> list[T_co | BaseException]:
        """Return for each item its value, or in its place the exception that :meth:`failures` has."""
        if self.ok:
            return list(self)  # without a look at each
        self._note_failures()
        return [self._values[i] if self._has_value(i) else self._error(i) for i in self._indices()]

    def item_results(self) -> list[ItemResult[T_co]]:
        """Return all that is known of each item."""
        self._note_failures()
        return [self._item_result(i) for i in self._indices()]

    # --- What raises if a value is missing ---

    def raise_on_failure(self) -> None:
        """
        Raise if an item has no value.

        Raises
        ------
        ExceptionGroup
            Of all that the items raised, each with a note of its item: index, key, argument and attempts. If the run ended early, also one
            ``TimedOut``, ``Aborted`` or ``Cancelled``. A ``BaseExceptionGroup`` if one of them is no ``Exception``, such as ``SystemExit``.
        """
        if not self.ok:
            raise self._group()

    def values(self) -> list[T_co]:
        """Return the values of all items; raises like :meth:`raise_on_failure`."""
        return list(self)

    def __iter__(self) -> Iterator[T_co]:
        self.raise_on_failure()
        return iter(self._values) if self._order is None else map(self._values.__getitem__, self._indices())

    @overload
    def __getitem__(self, position: int) -> T_co: ...
    @overload
    def __getitem__(self, position: slice) -> list[T_co]: ...
    def __getitem__(self, position: int | slice) -> T_co | list[T_co]:
        self.raise_on_failure()
        if isinstance(position, slice):
            return [self._values[i] for i in self._indices()[position]]
        return cast("T_co", self._values[self._indices()[position]])

    # --- Inside ---

    def _indices(self) -> Sequence[int]:
        if self._order is None:
            return range(self._n_items)
        if len(self._order) == self._n_items:
            return self._order
        shown = set(self._order)
        return [*self._order, *(i for i in range(self._n_items) if i not in shown)]

    def _has_value(self, index: int) -> bool:
        return index not in self._failures and index < len(self._values) and self._values[index] is not MISSING

    def _error(self, index: int) -> BaseException:
        error = self._failures.get(index)
        return self._why_it_ended() if error is None else error

    def _why_it_ended(self) -> BaseException:
        if self._ending is None:
            because = "" if self._reason is None else f": {str(self._reason) or repr(self._reason)}"  # of an exception that says nothing, what it is
            kind = _ENDINGS.get(self._status, Aborted)
            self._ending = kind(f"{self._status.value} before {self._n_without_turn()} of {self._n_items} items had their turn{because}")
            if isinstance(self._reason, BaseException):
                self._ending.__cause__ = self._reason
        return self._ending

    def _n_without_turn(self) -> int:
        first = len(self._values) if self._status is RunStatus.COMPLETED else 0  # in a completed run all that has a place had its turn
        return sum(not self._has_value(i) and i not in self._failures for i in range(first, self._n_items))

    def _n_ok(self) -> int:
        return self._n_items - len(self._failures) - self._n_without_turn()

    def _failed_items(self) -> Iterator[ItemResult[T_co]]:
        return (self._item_result(i) for i in self._indices() if not self._has_value(i))

    def _measured_of(self, index: int) -> Measured:
        has_had_turn = self._has_value(index) or index in self._failures
        return _at(self._measured, index, _ONCE if has_had_turn else _NEVER)

    def _item_result(self, index: int) -> ItemResult[T_co]:
        has_value = self._has_value(index)
        value = self._values[index] if has_value else None
        error = None if has_value else self._error(index)
        return ItemResult(index, _at(self._keys, index, None), value, error, *self._measured_of(index))

    def _group(self) -> BaseExceptionGroup[Any]:
        self._note_failures()
        errors = {id(error): error for _, error in sorted(self._failures.items())}  # two items may have raised the same object
        if self._status is not RunStatus.COMPLETED or self._n_without_turn():
            errors[id(self._why_it_ended())] = self._why_it_ended()
        return BaseExceptionGroup(f"{len(self._failures)} of {self._n_items} items failed", list(errors.values()))

    def _note_failures(self) -> None:
        try:
            arguments = self._unnoted.pop()  # atomic: exactly one thread gets it
        except IndexError:
            return
        note_failures(
            self._failures,
            lambda i: item_note(i, key=_at(self._keys, i, None), arguments=arguments, attempts=self._measured_of(i).attempts),
        )

    def __getstate__(self) -> object:
        self._note_failures()
        return super().__getstate__()

    def __repr__(self) -> str:
        return text_summary(self, self._n_ok(), self._failed_items())

    def _repr_html_(self) -> str:
        return html_summary(self, self._n_ok(), self._failed_items())


def _at(lookup: Mapping[int, T] | Sequence[T] | None, index: int, default: T) -> T:
    """Return what a mapping or a sequence has for an item, or the default."""
    if lookup is None:
        return default
    try:
        return lookup[index]
    except LookupError:
        return default
