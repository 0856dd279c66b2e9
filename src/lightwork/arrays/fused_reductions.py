"""The reductions of fused functions, as methods by NumPy's names: of a function, and of a method that is bound to its instance."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

from lightwork.arrays.operand import NO_VALUE

__all__ = ["Reductions"]

#: What NumPy takes to be said where nothing is.
DEFAULTS: dict[str, Any] = {"keepdims": False, "where": True, "ddof": 0, "returned": False, "minlength": 0, "bins": 10}


def is_said(name: str, value: Any) -> bool:
    """Whether an argument of a reduction is other than its default."""
    return value is not NO_VALUE and value is not DEFAULTS.get(name)


def check_keywords(name: str, fused: Any, kwargs: dict[str, Any]) -> None:
    """Refuse, in the reduction's name, what neither takes."""
    try:
        parameters = inspect.signature(fused.__wrapped__).parameters
    except (TypeError, ValueError):  # nobody knows
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for keyword in kwargs:
        if keyword not in parameters:
            raise TypeError(f"{name}() got an unexpected keyword argument {keyword!r}, which the function does not take either") from None


class Reductions(ABC):
    """Something to be called with arrays, whose result can be reduced."""

    @abstractmethod
    def _reduce(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], how: dict[str, Any]) -> Any:
        """Reduce what is returned for `args` and `kwargs`, with what is said in `how`."""

    def _reduced(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], **how: Any) -> Any:
        try:
            return self._reduce(name, args, kwargs, {key: value for key, value in how.items() if is_said(key, value)})
        except TypeError:
            check_keywords(name, self, kwargs)
            raise

    def sum(
        self,
        *args: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = True,
        **kwargs: Any,
    ) -> Any:
        """
        Return ``np.sum`` of what the function returns, to the bit.

        Parameters
        ----------
        *args, **kwargs
            The function's.
        axis, dtype, out, keepdims, initial, where
            As of ``np.sum``.

        Returns
        -------
        scalar or ndarray
            `out` if it was given.

        Notes
        -----
        So are all reductions called, with what NumPy's of that name take by keyword. Over all items, of arguments that have one shape and memory
        order, `sum` and `mean` of inexact numbers, `sum` and `prod` of integers, `min`, `max`, `any` and `all` make no array of the function's
        result. The others, and these with keywords of their own, reduce that array.
        """
        return self._reduced("sum", args, kwargs, axis=axis, dtype=dtype, out=out, keepdims=keepdims, initial=initial, where=where)

    def prod(
        self,
        *args: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = True,
        **kwargs: Any,
    ) -> Any:
        """Return ``np.prod`` of what the function returns; see `sum`."""
        return self._reduced("prod", args, kwargs, axis=axis, dtype=dtype, out=out, keepdims=keepdims, initial=initial, where=where)

    def mean(self, *args: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, where: Any = True, **kwargs: Any) -> Any:
        """Return ``np.mean`` of what the function returns; see `sum`."""
        return self._reduced("mean", args, kwargs, axis=axis, dtype=dtype, out=out, keepdims=keepdims, where=where)

    def average(self, *args: Any, axis: Any = None, weights: Any = None, returned: bool = False, keepdims: Any = False, **kwargs: Any) -> Any:
        """Return ``np.average`` of what the function returns; see `sum`."""
        return self._reduced("average", args, kwargs, axis=axis, weights=weights, returned=returned, keepdims=keepdims)

    def var(
        self,
        *args: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = False,
        where: Any = True,
        mean: Any = NO_VALUE,
        correction: Any = NO_VALUE,
        **kwargs: Any,
    ) -> Any:
        """Return ``np.var`` of what the function returns; see `sum`."""
        return self._reduced(
            "var", args, kwargs, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction
        )

    def std(
        self,
        *args: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = False,
        where: Any = True,
        mean: Any = NO_VALUE,
        correction: Any = NO_VALUE,
        **kwargs: Any,
    ) -> Any:
        """Return ``np.std`` of what the function returns; see `sum`."""
        return self._reduced(
            "std", args, kwargs, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction
        )

    def min(
        self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True, **kwargs: Any
    ) -> Any:
        """Return ``np.min`` of what the function returns; see `sum`."""
        return self._reduced("min", args, kwargs, axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)

    def max(
        self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True, **kwargs: Any
    ) -> Any:
        """Return ``np.max`` of what the function returns; see `sum`."""
        return self._reduced("max", args, kwargs, axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)

    def amin(
        self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True, **kwargs: Any
    ) -> Any:
        """Return ``np.amin`` of what the function returns; see `sum`."""
        return self._reduced("min", args, kwargs, axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)

    def amax(
        self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True, **kwargs: Any
    ) -> Any:
        """Return ``np.amax`` of what the function returns; see `sum`."""
        return self._reduced("max", args, kwargs, axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)

    def minmax(self, *args: Any, axis: Any = None, **kwargs: Any) -> Any:
        """Return ``lightwork.minmax`` of what the function returns; see `sum`."""
        return self._reduced("minmax", args, kwargs, axis=axis)

    def ptp(self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        """Return ``np.ptp`` of what the function returns; see `sum`."""
        return self._reduced("ptp", args, kwargs, axis=axis, out=out, keepdims=keepdims)

    def argmin(self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        """Return ``np.argmin`` of what the function returns; see `sum`."""
        return self._reduced("argmin", args, kwargs, axis=axis, out=out, keepdims=keepdims)

    def argmax(self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        """Return ``np.argmax`` of what the function returns; see `sum`."""
        return self._reduced("argmax", args, kwargs, axis=axis, out=out, keepdims=keepdims)

    def any(self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, where: Any = True, **kwargs: Any) -> Any:
        """Return ``np.any`` of what the function returns; see `sum`."""
        return self._reduced("any", args, kwargs, axis=axis, out=out, keepdims=keepdims, where=where)

    def all(self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, where: Any = True, **kwargs: Any) -> Any:
        """Return ``np.all`` of what the function returns; see `sum`."""
        return self._reduced("all", args, kwargs, axis=axis, out=out, keepdims=keepdims, where=where)

    def cumsum(self, *args: Any, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
        """Return ``np.cumsum`` of what the function returns; see `sum`."""
        return self._reduced("cumsum", args, kwargs, axis=axis, dtype=dtype, out=out)

    def cumprod(self, *args: Any, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any) -> Any:
        """Return ``np.cumprod`` of what the function returns; see `sum`."""
        return self._reduced("cumprod", args, kwargs, axis=axis, dtype=dtype, out=out)

    def count_nonzero(self, *args: Any, axis: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        """Return ``np.count_nonzero`` of what the function returns; see `sum`."""
        return self._reduced("count_nonzero", args, kwargs, axis=axis, keepdims=keepdims)

    def nansum(
        self,
        *args: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = True,
        **kwargs: Any,
    ) -> Any:
        """Return ``np.nansum`` of what the function returns; see `sum`."""
        return self._reduced("nansum", args, kwargs, axis=axis, dtype=dtype, out=out, keepdims=keepdims, initial=initial, where=where)

    def nanmean(
        self, *args: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, where: Any = True, **kwargs: Any
    ) -> Any:
        """Return ``np.nanmean`` of what the function returns; see `sum`."""
        return self._reduced("nanmean", args, kwargs, axis=axis, dtype=dtype, out=out, keepdims=keepdims, where=where)

    def nanvar(
        self,
        *args: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = False,
        where: Any = True,
        mean: Any = NO_VALUE,
        correction: Any = NO_VALUE,
        **kwargs: Any,
    ) -> Any:
        """Return ``np.nanvar`` of what the function returns; see `sum`."""
        return self._reduced(
            "nanvar", args, kwargs, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction
        )

    def nanstd(
        self,
        *args: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = False,
        where: Any = True,
        mean: Any = NO_VALUE,
        correction: Any = NO_VALUE,
        **kwargs: Any,
    ) -> Any:
        """Return ``np.nanstd`` of what the function returns; see `sum`."""
        return self._reduced(
            "nanstd", args, kwargs, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction
        )

    def nanmin(
        self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True, **kwargs: Any
    ) -> Any:
        """Return ``np.nanmin`` of what the function returns; see `sum`."""
        return self._reduced("nanmin", args, kwargs, axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)

    def nanmax(
        self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True, **kwargs: Any
    ) -> Any:
        """Return ``np.nanmax`` of what the function returns; see `sum`."""
        return self._reduced("nanmax", args, kwargs, axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)

    def nanargmin(self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        """Return ``np.nanargmin`` of what the function returns; see `sum`."""
        return self._reduced("nanargmin", args, kwargs, axis=axis, out=out, keepdims=keepdims)

    def nanargmax(self, *args: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        """Return ``np.nanargmax`` of what the function returns; see `sum`."""
        return self._reduced("nanargmax", args, kwargs, axis=axis, out=out, keepdims=keepdims)

    def bincount(self, *args: Any, weights: Any = None, minlength: int = 0, **kwargs: Any) -> Any:
        """Return ``np.bincount`` of what the function returns; see `sum`."""
        return self._reduced("bincount", args, kwargs, weights=weights, minlength=minlength)

    def histogram(self, *args: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None, **kwargs: Any) -> Any:  # noqa: A002 - NumPy's
        """Return ``np.histogram`` of what the function returns; see `sum`."""
        return self._reduced("histogram", args, kwargs, bins=bins, range=range, density=density, weights=weights)
