"""
What NumPy's functions that are no ufuncs, and methods of arrays, do to placeholders: the ufuncs that they call, in the same order.

Everything here is what NumPy 2 itself does, said in ufuncs. What is not listed works on the caller's own arrays, and not on what was computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np

from lightwork.arrays.operators import ufuncs_of
from lightwork.arrays.placeholder import Placeholder
from lightwork.arrays.recording import (
    copy_placeholder,
    fill_placeholder,
    in_order,
    part_placeholder,
    where_placeholders,
)

__all__ = ["MEANINGS"]

Meaning: TypeAlias = Callable[..., Any]

#: By function, or by name of a method.
MEANINGS: dict[Meaning | str, Meaning] = {}

#: Of ``np.clip``, where both bounds are given; it has no public name.
clip_ufunc: np.ufunc = ufuncs_of(np.dtype(float), lambda witness: witness.clip(0, 1))[0][0]

NUMBERS = (int, float, complex, np.generic)


M = TypeVar("M", bound=Meaning)


def means(function: Meaning | str) -> Callable[[M], M]:
    """Decorate what a function, or a method by its name, does to placeholders. It answers NotImplemented where it is more than ufuncs."""

    def enter(meaning: M) -> M:
        MEANINGS[function] = meaning
        return meaning

    return enter


# --- Selecting ------------------------------------------------------------------------------------------------------


@means(np.where)
def where(condition: Any, *choices: Any) -> Any:
    """Record ``np.where`` of three operands; of one it is another function."""
    return where_placeholders(condition, *choices) if choices else np.nonzero(condition)


@means(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Record ``np.select``, whose first condition that is true comes last and overrules."""
    if len(condlist) != len(choicelist) or any(map(_holds_placeholders, (*condlist, *choicelist, default))):
        return NotImplemented
    conditions = [_operand(condition) for condition in condlist]
    *choices, rest = [_operand(choice) for choice in (*choicelist, default)]
    dtype = np.result_type(*choices, rest)
    if dtype.kind not in "biufcmM" or not all(getattr(condition, "dtype", None) == np.bool_ for condition in conditions):
        return NotImplemented
    if not all(_is_cast_quietly(choice, dtype) for choice in (*choices, *(() if isinstance(rest, Placeholder) else (rest,)))):
        return NotImplemented
    result = _cast(rest, dtype)
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = cast("Any", np.where(condition, _cast(choice, dtype), result))
    return in_order(result, "C")


def _holds_placeholders(operand: Any) -> bool:
    """Tell of a list that it is an array of NumPy's only where all in it is known."""
    if not isinstance(operand, (list, tuple)):
        return False
    return any(isinstance(item, Placeholder) or _holds_placeholders(item) for item in cast("Sequence[Any]", operand))


def _is_cast_quietly(choice: Any, dtype: np.dtype[Any]) -> bool:
    """Whether it makes no difference that all items are cast, where NumPy casts those that are chosen: none is refused or warned of."""
    if isinstance(choice, Placeholder):
        return choice.dtype == dtype or (choice.dtype.kind in "biu" and np.can_cast(choice.dtype, dtype, "same_kind"))
    try:
        with np.errstate(all="raise"):
            np.asarray(choice).astype(dtype, casting="same_kind")
    except (FloatingPointError, TypeError):
        return False
    return True


def _cast(choice: Any, dtype: np.dtype[Any]) -> Any:
    return astype(choice, dtype) if isinstance(choice, Placeholder) else np.asarray(choice).astype(dtype)


def _clips_by_any_number() -> bool:
    try:
        np.arange(1, dtype=np.uint8).clip(-1, 256)
    except OverflowError:  # before NumPy 2.1
        return False
    return True


CLIPS_BY_ANY_NUMBER = _clips_by_any_number()


@means("clip")
@means(np.clip)
def clip(x: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **keywords: Any) -> Any:
    """Record ``np.clip``: one ufunc of two or three operands."""
    low, high = keywords.pop("min", a_min), keywords.pop("max", a_max)
    if out is not None or keywords or not hasattr(x, "dtype"):
        return NotImplemented
    if x.dtype.kind in "iu" and CLIPS_BY_ANY_NUMBER:  # a Python number beyond the dtype's range is no bound
        limits = np.iinfo(x.dtype)
        low = None if type(low) is int and low <= limits.min else low
        high = None if type(high) is int and high >= limits.max else high
    if low is None:
        return np.positive(x) if high is None else np.minimum(x, high)
    return np.maximum(x, low) if high is None else clip_ufunc(x, low, high)


@means(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Record ``np.nan_to_num`` of real numbers, by numbers."""
    if not isinstance(x, Placeholder) or not copy or x.dtype.kind not in "biuf":
        return NotImplemented
    if not all(isinstance(number, NUMBERS) or number is None for number in (nan, posinf, neginf)):
        return NotImplemented
    if x.dtype.kind != "f":
        return copy_placeholder(x, x.dtype)
    limits = np.finfo(x.dtype)
    result = np.copy(x)
    for test, number in (
        (np.isnan(x), nan),
        (np.isposinf(x), limits.max if posinf is None else posinf),
        (np.isneginf(x), limits.min if neginf is None else neginf),
    ):
        result[test] = number
    return result


# --- Testing --------------------------------------------------------------------------------------------------------


@means(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """Record ``np.isclose``, whose comparisons ignore what is invalid."""
    x, y = _operand(a), _operand(b)
    if isinstance(y, int):
        y = float(y)
    elif hasattr(y, "dtype") and y.dtype.kind != "m":
        wanted = np.result_type(y.dtype, 1.0)
        y = y if y.dtype == wanted else y.astype(wanted)
    with np.errstate(invalid="ignore"):
        result = np.less_equal(abs(x - y), atol + rtol * abs(y)) & np.isfinite(y) | (x == y)
        if equal_nan:
            result |= np.isnan(x) & np.isnan(y)
    return result


def _operand(operand: Any) -> Any:
    """Return what NumPy compares: an array of all but numbers of Python's."""
    return operand if isinstance(operand, (int, float, complex, Placeholder)) else np.asanyarray(operand)


@means(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    """Record ``np.isposinf``."""
    return NotImplemented if out is not None else np.logical_and(np.isinf(x), ~np.signbit(x))


@means(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    """Record ``np.isneginf``."""
    return NotImplemented if out is not None else np.logical_and(np.isinf(x), np.signbit(x))


@means(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """Tell by the dtype."""
    return bool(x.dtype.kind == "c")


@means(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """Tell by the dtype."""
    return bool(x.dtype.kind != "c")


# --- Rounding -------------------------------------------------------------------------------------------------------

_integers = np.ones(1, np.intp)
INTEGERS_ROUND_TO_THEMSELVES = _integers.round() is _integers  # where NumPy makes no copy of what it need not round


@means("round")
@means(np.round)
@means(np.around)
def round_(x: Any, decimals: Any = 0, out: Any = None) -> Any:
    """Record the ufuncs that NumPy calls to round real numbers."""
    if out is not None or not isinstance(x, Placeholder) or x.dtype.kind not in "fiu" or not x.dtype.isnative:
        return NotImplemented
    if x.dtype.kind != "f" and decimals < 0:
        return NotImplemented
    calls = ufuncs_of(x.dtype, lambda witness: witness.round(decimals))
    if not calls:
        return x if INTEGERS_ROUND_TO_THEMSELVES else copy_placeholder(x, x.dtype)
    for ufunc, rest in calls:
        x = in_order(ufunc(x, *rest), "A" if decimals else "K")
    return x


# --- Formulas -------------------------------------------------------------------------------------------------------


@means(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """Record ``np.polyval`` of coefficients that are known."""
    if not isinstance(x, Placeholder) or _holds_placeholders(p):
        return NotImplemented
    coefficients: Any = p if isinstance(p, Placeholder) else np.asarray(p)
    y: Any = np.zeros_like(x)
    for coefficient in coefficients:
        y = y * x + coefficient
    return y


with np.errstate(all="ignore"):
    SINC_FINDS_ZEROS_LATE = bool(np.sinc(np.float16(0)) == 1)  # NumPy 2.3 and later; 1e-20, which took the place of zeros before, is no float16


@means(np.sinc)
def sinc(x: Any) -> Any:
    """Record ``np.sinc``, which takes something very small for 0."""
    if SINC_FINDS_ZEROS_LATE:
        y: Any = np.pi * x
        y = where(y, y, np.finfo(y.dtype).eps if y.dtype.kind == "f" else 1e-20)
    else:
        y = np.pi * where(x == 0, 1e-20, x)
    return np.sin(y) / y


# --- Complex numbers ------------------------------------------------------------------------------------------------


@means("real")
def real(x: Any) -> Any:
    """Record the real parts of what was computed; of real numbers they are the numbers themselves."""
    return part_placeholder(x, "real") if x.dtype.kind == "c" else x


@means("imag")
def imag(x: Any) -> Any:
    """Record the imaginary parts of what was computed."""
    return part_placeholder(x, "imag") if x.dtype.kind == "c" else NotImplemented


@means(np.real)
def real_of(x: Any) -> Any:
    """Take the attribute, as NumPy does."""
    return x.real


@means(np.imag)
def imag_of(x: Any) -> Any:
    """Take the attribute, as NumPy does."""
    return x.imag


@means("conj")
@means("conjugate")
def conjugate(x: Any) -> Any:
    """Record the method, which is no ufunc where there is nothing to conjugate."""
    return np.conjugate(x) if x.dtype.kind == "c" else x


@means(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """Record ``np.angle``."""
    result = np.arctan2(z.imag, z.real) if z.dtype.kind == "c" else np.arctan2(0, z)
    if deg:
        result *= 180 / np.pi
    return result


# --- Making ---------------------------------------------------------------------------------------------------------


@means("astype")
@means(np.astype)
def astype(x: Any, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True, device: Any = None) -> Any:  # noqa: ARG001 - NumPy's
    """Record a cast; the placeholder itself where NumPy makes no copy."""
    wanted = np.dtype(dtype)
    if order not in ("K", "C", "A") or not np.can_cast(x.dtype, wanted, casting) or (x.dtype.kind == "c") > (wanted.kind in "cb"):
        return NotImplemented  # an error, a warning or an order that is NumPy's to say
    if not copy and x.dtype == wanted:
        return x
    if x.dtype.kind in "fc" and wanted.kind in "iu" and not lies_plainly(x):
        return NotImplemented
    return copy_placeholder(x, wanted, order)


def lies_plainly(x: Placeholder) -> bool:
    """Tell whether items are side by side: for some out of an integer's range NumPy has two answers, and this decides between them."""
    array = x.value.array
    return array is None or bool(array.flags.forc and array.flags.aligned and array.dtype.isnative)


@means("copy")
def copy_method(x: Any, order: str = "C") -> Any:
    """Record a copy, which is in C order if nobody says otherwise."""
    return copy_placeholder(x, x.dtype, order) if order in ("K", "C", "A") else NotImplemented


@means(np.copy)
def copy(x: Any, order: str = "K", subok: bool = False) -> Any:  # noqa: ARG001 - NumPy's
    """Record a copy."""
    return copy_method(x, order)


def _full(x: Any, number: Any, dtype: Any, keywords: dict[str, Any]) -> Any:
    if keywords or not isinstance(x, Placeholder) or not isinstance(number, NUMBERS):
        return NotImplemented
    return fill_placeholder(x, number, x.dtype if dtype is None else dtype)


@means(np.empty_like)
@means(np.zeros_like)
def zeros_like(x: Any, dtype: Any = None, **keywords: Any) -> Any:
    """Record an array of zeros; as good as an empty one."""
    return _full(x, 0, dtype, keywords)


@means(np.ones_like)
def ones_like(x: Any, dtype: Any = None, **keywords: Any) -> Any:
    """Record an array of ones."""
    return _full(x, 1, dtype, keywords)


@means(np.full_like)
def full_like(x: Any, fill_value: Any, dtype: Any = None, **keywords: Any) -> Any:
    """Record an array of a number."""
    return _full(x, fill_value, dtype, keywords)


# --- Asking ---------------------------------------------------------------------------------------------------------


@means(np.shape)
def shape(x: Any) -> Any:
    """Tell the shape, which is known."""
    return x.shape


@means(np.ndim)
def ndim(x: Any) -> int:
    """Tell the number of dimensions, which is known."""
    return int(x.ndim)


@means(np.size)
def size(x: Any, axis: Any = None) -> int:
    """Tell the number of items, which is known."""
    return int(x.size if axis is None else x.shape[axis])


@means(np.result_type)
def result_type(*operands: Any) -> np.dtype[Any]:
    """Promote the dtypes, which are known."""
    return np.result_type(*[operand.dtype if isinstance(operand, Placeholder) else operand for operand in operands])
