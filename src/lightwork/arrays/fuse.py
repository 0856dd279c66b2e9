"""``fuse``: a function of arrays, in one pass over them and on every core."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from lightwork.arrays.functions import MEANINGS
from lightwork.arrays.fused_reductions import Reductions
from lightwork.arrays.harvests import reduce_fused
from lightwork.arrays.placeholder import teach
from lightwork.arrays.traced import TracedFunction, TracedMethod, schedule_of

__all__ = ["Fused", "FusedMethod", "fuse"]

if TYPE_CHECKING:
    from lightwork.arrays.explain import Explanation

teach(MEANINGS)

P = ParamSpec("P")
R = TypeVar("R")


def fuse(fn: Callable[P, R]) -> Fused[P, R]:
    """
    Run a function of arrays in one pass over them, on every core, with NumPy's bits.

    Each call of the result runs `fn` once, on placeholders that write down which ufuncs it calls. Then the arrays go through all of these block by
    block, so that what lies between the first ufunc and the last never leaves the cache.

    Parameters
    ----------
    fn : callable
        A function of arrays, and of whatever else it likes, made of ufuncs: operators, NumPy's, ``scipy.special``'s and Numba's ufuncs,
        ``np.where``, ``np.select``, ``np.clip``, ``np.round``, ``astype`` and the like. It may call functions, use arrays and numbers from around
        it, change what it computed by ``+=``, and return several arrays in a tuple, list or dict. Of its arguments it may take slices and ask
        anything that NumPy can answer, such as ``x.shape``, ``x[1:]`` or ``x.mean()``; of what it computed, only dtype and shape.

    Returns
    -------
    Fused
        To be called like `fn`, with ``out=`` besides: an array, or a tuple for a function that returns several. It returns what ``fn(*args)`` does,
        values, dtypes, shapes and memory order. Also a method, when it is made in a class.

    Raises
    ------
    FuseError
        At a call, if `fn` needs the values of what it computed (``if``, an index, a reduction, another library), or changes an array
        that is not its own. The message says in which line, and what to do instead.
    TypeError, ValueError, FloatingPointError
        What NumPy raises for ``fn(*args)``.

    Notes
    -----
    Thread-safe if `fn` is; can be pickled if `fn` can. Takes memory for results, and some blocks for each worker.

    Because `fn` runs in every call, it sees the present values of everything around it. What it changes in an array from around it,
    between two ufuncs that use it, is seen by both.

    Floating-point warnings name the same ufuncs as NumPy's, in the same order, and are given at the caller's line when all is computed.

    NumPy itself runs `fn` on the arrays where that is as quick (few items, see the documentation), and where there is no other way: object and string
    dtypes, subclasses of ``ndarray``, ufuncs that need the GIL, an argument that is in the wrong shape. `fn` then may have run twice.

    Examples
    --------
    >>> import numpy as np, lightwork as lw
    >>> @lw.fuse
    ... def damped(t, rate):
    ...     return np.exp(-rate * t) * np.cos(t)
    >>> t = np.linspace(0.0, 10.0, 1_000_000)
    >>> bool((damped(t, 0.5) == np.exp(-0.5 * t) * np.cos(t)).all())
    True
    """
    if not callable(fn):
        raise TypeError(f"fuse() needs a function of arrays, not {type(fn).__name__}")
    return Fused(fn)


class Fused(TracedFunction, Reductions, Generic[P, R]):
    """
    A function of arrays that runs in one pass over them; :func:`fuse` makes it.

    Attributes
    ----------
    __wrapped__ : callable
        The function.
    """

    __wrapped__: Callable[P, R]
    __name__: str
    __qualname__: str

    def __init__(self, fn: Callable[P, R]) -> None:
        super().__init__(fn)
        functools.update_wrapper(self, fn)

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """
        Tell what is run: steps, slots, dtypes, and the memory moved.

        Parameters
        ----------
        *args, **kwargs
            As for a call. Without any, the last call that was traced is explained.

        Returns
        -------
        Explanation
            To be printed, or looked into.

        Raises
        ------
        ValueError
            If nothing is given and nothing was called.
        """
        from lightwork.arrays.explain import Explanation, explain_programs  # noqa: PLC0415 - milliseconds that few programs need

        stages = schedule_of(self.__wrapped__, args, kwargs) if args or kwargs else self.memory.stages
        if stages is None:
            raise ValueError("nothing has been called yet; pass what you would call the function with")
        if isinstance(stages, str):
            return Explanation((), stages)
        return explain_programs(tuple([stage.program for stage in stages]), has_few_items=bool(args) and self.memory.leaves_to_numpy(args, kwargs))

    def _reduce(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], how: dict[str, Any]) -> Any:
        return reduce_fused(name, self.__wrapped__, self.memory, args, kwargs, how)

    @overload
    def __get__(self, instance: None, owner: type) -> Fused[P, R]: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> FusedMethod: ...

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else FusedMethod(self, instance)

    def __reduce__(self) -> Any:
        """By name where that is what the name means, as after ``@fuse``; else by the function."""
        found: Any = sys.modules.get(getattr(self, "__module__", ""))
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        return self.__qualname__ if found is self else (fuse, (self.__wrapped__,))

    def __repr__(self) -> str:
        return f"<fused {self.__wrapped__!r}>"


class FusedMethod(TracedMethod, Reductions):
    """
    A fused function that was made in a class, bound to an instance: what ``instance.method`` is.

    Attributes
    ----------
    __func__ : Fused
    __self__ : object
    """

    @property
    def __wrapped__(self) -> Any:
        """The method that it would be unfused, for ``inspect`` to look at."""
        return types.MethodType(self.__func__.__wrapped__, self.__self__)

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]  it is the function's
        """The function's."""
        doc: str | None = self.__func__.__doc__
        return doc

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """Tell what is run, as the function does."""
        explained: Explanation = self.__func__.explain(*((self.__self__, *args) if args or kwargs else ()), **kwargs)
        return explained

    def _reduce(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], how: dict[str, Any]) -> Any:
        return self.__func__._reduce(name, (self.__self__, *args), kwargs, how)  # noqa: SLF001 - the same call, one argument more

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FusedMethod) and self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__func__.__name__)

    def __repr__(self) -> str:
        return f"<fused {self.__wrapped__!r}>"
