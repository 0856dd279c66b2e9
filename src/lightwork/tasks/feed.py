"""Where the items come from, one after the other, as many as are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeGuard, cast

from lightwork._clock import Clock, clock
from lightwork.executors.serial import INLINE
from lightwork.policies.turnstile import Cost
from lightwork.tasks.options import Options

__all__ = ["Batch", "Feed", "is_at_hand"]

QUICK = 100e-6  # seconds: items that take longer to come are let in one by one, for somebody may be waiting for them
MAX_BATCH = 1024


class Batch(NamedTuple):
    """
    Items that came from the source together.

    Attributes
    ----------
    items : sequence
        May be empty.
    costs : list of float or of sequences of float, optional
        What each counts for before a limiter.
    is_last : bool
        Whether the source has ended or failed.
    error : BaseException or None
        What it failed with, after these items.
    """

    items: Sequence[Any]
    costs: list[Cost] | None = None
    is_last: bool = False
    error: BaseException | None = None


class Feed:
    """
    Takes items from a source, never more than it is asked for, and none after a stop.

    Parameters
    ----------
    items : iterable
        The source. It is iterated in the thread that calls :meth:`take`.
    key, cost : callable, optional
        What an item is called, and counts for.
    clock : Clock
        By which a source is quick or slow.
    is_numbered : bool
        Whether each item comes along with its index.
    quick : float
        Within how many seconds items come that come without a wait.

    Attributes
    ----------
    n_items : int or None
        How many there are, where the source can tell.
    keys : dict
        What the items up to now are called, by index, if there is a `key`.
    is_quick : bool
        Whether the last items came without a wait.
    """

    def __init__(
        self,
        items: Iterable[Any],
        clock: Clock,
        *,
        key: Callable[[Any], Any] | None = None,
        cost: Cost | Callable[[Any], Cost] = 1.0,
        is_numbered: bool = False,
        quick: float = QUICK,
    ) -> None:
        if not _is_iterable(items):
            advice = "async iterables are for the async functions" if hasattr(items, "__aiter__") else "for one item, pass [item]"
            raise TypeError(f"items must be iterable, not {type(items).__name__}; {advice}")
        self._iterator: Iterator[Any] = iter(items)
        self._items = items
        self.n_items: int | None = _length(items)
        self.keys: dict[int, Any] = {}
        self._key = key
        self._cost = cost
        self._is_numbered = is_numbered
        self._quick = quick
        self._clock = clock
        self._n_taken = 0
        self._is_plain = is_at_hand(items) and not is_numbered and key is None and cost == 1.0
        self.is_quick: bool = True
        self._size = 1  # of the next batch

    @classmethod
    def of(cls, items: Iterable[Any], options: Options) -> Feed:
        """Return the feed of a call."""
        inline = INLINE.get()
        is_drawn = inline is not None and inline.random is not None  # such an order depends on no time
        return cls(
            items,
            clock(),
            key=options.item_key,
            cost=options.cost_of if callable(options.cost) else options.cost,
            is_numbered=options.rng is not None,
            quick=math.inf if is_drawn else QUICK,
        )

    def take_all(self) -> Batch | None:
        """Return all items at once if they are there already and nothing has to be found out about each; else None."""
        if not self._is_plain:
            return None
        items = cast("Sequence[Any]", self._items)[self._n_taken :]  # the caller's list may change
        self._n_taken += len(items)
        return Batch(items, is_last=True)

    def take(self, n_items: int, is_stopped: Callable[[], object]) -> Batch:
        """Return the next items, at most so many, and fewer if they come slowly."""
        if self._is_plain:
            return self._cut(0 if is_stopped() else min(n_items, MAX_BATCH))
        began = self._clock.now()
        batch = self.prepared(self._iterator, min(n_items, self._size), is_stopped)
        self.is_quick = self._clock.now() - began < self._quick
        self._size = min(2 * self._size, MAX_BATCH) if self.is_quick else 1
        return batch

    def _cut(self, n_items: int) -> Batch:
        """Return the next items of those that are there already; who adds some to a list before its end is reached sees them, too."""
        items = cast("Sequence[Any]", self._items)[self._n_taken : self._n_taken + n_items]
        self._n_taken += len(items)
        return Batch(items, is_last=len(items) < n_items)

    async def take_async(self, n_items: int, is_stopped: Callable[[], object]) -> Batch:
        """Do the same, for whoever is in an event loop; it does not wait."""
        return self.take(n_items, is_stopped)

    def prepared(self, items: Iterable[Any], n_items: int = MAX_BATCH, is_stopped: Callable[[], object] = bool) -> Batch:
        """Return the next items with what is to be found out about each, until there are so many, a stop or an end."""
        prepared: list[Any] = []
        costs = None if self._cost == 1.0 else list[Cost]()
        iterator = iter(items)
        try:
            while len(prepared) < n_items and not is_stopped():
                item = next(iterator)
                if costs is not None:
                    costs.append(self._cost(item) if callable(self._cost) else self._cost)
                if self._key is not None:
                    self.keys[self._n_taken] = self._key(item)
                prepared.append((self._n_taken, item) if self._is_numbered else item)
                self._n_taken += 1
        except StopIteration:
            return Batch(prepared, costs, is_last=True)
        except BaseException as error:
            return Batch(prepared, costs, is_last=True, error=error)
        return Batch(prepared, costs)


def is_at_hand(items: object) -> TypeGuard[Sequence[Any]]:
    """Whether items can be had by index, at no cost, and are what iterating yields; of a class that is derived nobody knows."""
    return type(items) in (list, tuple) or (type(items) is range and _length(items) is not None)


def _is_iterable(items: object) -> bool:
    kind = type(items)
    return getattr(kind, "__iter__", None) is not None or hasattr(kind, "__getitem__")


def _length(items: Any) -> int | None:
    try:
        return len(items)
    except (TypeError, OverflowError):  # which a long range raises
        return None
