"""Functions that know how to run over items."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any, Generic, Literal, ParamSpec, TypeVar, Unpack, cast, overload

from lightwork._config import settings
from lightwork.executors.cluster import is_client
from lightwork.executors.process.parcels import goes_by_value
from lightwork.tasks.calls import check_plain_function
from lightwork.tasks.handle import Handle
from lightwork.tasks.map import parallel_map, parallel_starmap
from lightwork.tasks.options import MapOptions, Options, StreamOptions
from lightwork.tasks.process_pool import ProcessPool
from lightwork.tasks.results import ItemResult, ParallelResult
from lightwork.tasks.stream import parallel_iter
from lightwork.tasks.submission import submit

__all__ = ["Parallel", "parallel"]

P = ParamSpec("P")
T = TypeVar("T")


class Parallel(Generic[P, T]):
    """
    A function that is called as ever, and over items by its methods; made by :func:`parallel`.

    Parameters
    ----------
    fn : callable
        The function.
    options : dict
        What its methods take where a call says nothing; what a call says counts, None included.

    Notes
    -----
    Thread-safe. In a class it is a method, a class method or a static method like any other.
    """

    __name__: str
    __qualname__: str

    def __init__(self, fn: Callable[P, T], options: dict[str, Any]) -> None:
        check_plain_function(getattr(fn, "__func__", fn), "")  # that of a class method, which cannot be called by itself
        self._fn = fn
        self._options = options
        functools.update_wrapper(self, fn)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function, here and now."""
        return self._fn(*args, **kwargs)

    @overload
    def map(
        self,
        items: Iterable[Any],
        *,
        errors: Literal["collect", "raise"] = ...,
        return_exceptions: Literal[False] = ...,
        **options: Unpack[MapOptions],
    ) -> ParallelResult[T]: ...
    @overload
    def map(
        self, items: Iterable[Any], *, errors: Literal["return"], return_exceptions: bool = ..., **options: Unpack[MapOptions]
    ) -> list[T | BaseException]: ...
    @overload
    def map(
        self, items: Iterable[Any], *, return_exceptions: Literal[True], errors: Literal["collect", "return"] = ..., **options: Unpack[MapOptions]
    ) -> list[T | BaseException]: ...
    def map(self, items: Iterable[Any], **options: Any) -> Any:
        """Call it for each item, see :func:`parallel_map`."""
        merged = self._merged(options)
        return cast("ParallelResult[T]", parallel_map(self._sendable(merged), items, **merged))  # or a list, if that is asked for

    @overload
    def starmap(
        self,
        items: Iterable[Iterable[Any]],
        *,
        errors: Literal["collect", "raise"] = ...,
        return_exceptions: Literal[False] = ...,
        **options: Unpack[MapOptions],
    ) -> ParallelResult[T]: ...
    @overload
    def starmap(
        self, items: Iterable[Iterable[Any]], *, errors: Literal["return"], return_exceptions: bool = ..., **options: Unpack[MapOptions]
    ) -> list[T | BaseException]: ...
    @overload
    def starmap(
        self,
        items: Iterable[Iterable[Any]],
        *,
        return_exceptions: Literal[True],
        errors: Literal["collect", "return"] = ...,
        **options: Unpack[MapOptions],
    ) -> list[T | BaseException]: ...
    def starmap(self, items: Iterable[Iterable[Any]], **options: Any) -> Any:
        """Call it with each item's members, see :func:`parallel_starmap`."""
        merged = self._merged(options)
        return cast("ParallelResult[T]", parallel_starmap(self._sendable(merged), items, **merged))  # or a list, if that is asked for

    def stream(self, items: Iterable[Any], **options: Unpack[StreamOptions]) -> Iterator[ItemResult[T]]:
        """Call it for each item and yield the results, see :func:`parallel_iter`."""
        merged = self._merged(options)
        return parallel_iter(self._sendable(merged), items, **merged)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Handle[T]:
        """Call it in another thread and return a future of the result, see :func:`submit`."""
        return submit(self._fn, *args, **kwargs)

    def _merged(self, options: Any) -> dict[str, Any]:
        return {**self._options, **options}

    def _sendable(self, options: dict[str, Any]) -> Callable[..., T]:
        """Return the function; or for another process this object, where functions go by name, since that is what has its name there."""
        executor = options.get("executor", settings().executor)
        if executor in ("process", "auto") or isinstance(executor, ProcessPool):
            return self._fn if goes_by_value() else self
        return self if isinstance(executor, Executor) or is_client(executor) else self._fn

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        bind = getattr(self._fn, "__get__", None)
        return self if bind is None else type(self)(bind(instance, owner), self._options)

    def __reduce__(self) -> str:
        return self.__qualname__

    def __repr__(self) -> str:
        return f"<parallel {self._fn!r}>"


@overload
def parallel(fn: Callable[P, T], /) -> Parallel[P, T]: ...
@overload
def parallel(fn: None = None, /, **options: Unpack[StreamOptions]) -> Callable[[Callable[P, T]], Parallel[P, T]]: ...
def parallel(fn: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """
    Give a function methods that run it over items: ``map``, ``starmap``, ``stream`` and ``submit``.

    Called as ever it runs as ever, in the calling thread.

    Parameters
    ----------
    **options
        Of :func:`parallel_map`, for all its methods; a call may say otherwise, also with None. ``@parallel`` alone is allowed, too.

    Returns
    -------
    Parallel
        In the place of the function.

    Examples
    --------
    >>> import lightwork as lw
    >>> @lw.parallel(workers=2, retry=lw.Retry(2, backoff=0.0))
    ... def double(x):
    ...     return 2 * x
    >>> double(5)
    10
    >>> list(double.map([1, 2, 3]))
    [2, 4, 6]
    >>> double.submit(4).result()
    8
    """
    Options.of("parallel", options)  # what is wrong is said here, and not at the first call
    if fn is not None:
        return Parallel(fn, {})
    return functools.partial(_decorate, options)


def _decorate(options: dict[str, Any], fn: Callable[..., Any]) -> Parallel[..., Any]:
    return Parallel(fn, options)
