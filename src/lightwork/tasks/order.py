"""A call for a worker process, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from lightwork.tasks.loops import wait_in_loop

__all__ = ["Order"]

T = TypeVar("T")

N_TRIES = 4  # workers may die of nothing that the call has done


def _apply(fn: Callable[..., Any], call: tuple[tuple[Any, ...], dict[str, Any]]) -> Any:
    return fn(*call[0], **call[1])


class Order(Future[T]):
    """
    A future of a call, which can also be awaited.

    Parameters
    ----------
    fn : callable
    args : tuple
    kwargs : dict
    """

    def __init__(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self._parts: tuple[Callable[[Any], T], list[Any]] = (partial(_apply, fn), [(args, kwargs)])
        self._n_tries = 0

    def parts(self) -> tuple[Callable[[Any], T], list[Any]]:
        """Return the call as a function of one item, and that; before its end."""
        return self._parts

    def begins(self) -> bool:
        """Whether it is to be made: it was not cancelled before; from then on it cannot be."""
        self._n_tries += 1
        if self._n_tries > 1 or self.set_running_or_notify_cancel():
            return True
        del self._parts
        return False

    @property
    def may_try_again(self) -> bool:
        """Whether it can go to another worker, when one has died without having begun it."""
        return self._n_tries < N_TRIES

    def end(self, value: Any = None, error: BaseException | None = None) -> None:
        """Tell the outcome; from now on it refers neither to the function nor to its arguments."""
        del self._parts
        if error is None:
            self.set_result(value)
        else:
            self.set_exception(error)

    def __await__(self) -> Generator[Any, None, T]:
        return self.result(0) if self.done() else (yield from wait_in_loop(self))

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a future belongs to its process and cannot be pickled; send its result instead")
