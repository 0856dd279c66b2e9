"""In which memory order NumPy would leave each value: asked of NumPy's own iterator, on a corner of two items along each axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lightwork.arrays.operand import Array

if TYPE_CHECKING:
    from lightwork.arrays.trace import Trace

# What a trace notes in place of a model.
IN_C_ORDER = -1
IN_FORTRAN_ORDER_LIKE = -2

__all__ = ["corners", "empty_in_order", "is_c_like"]


def is_c_like(array: Array) -> bool:
    """
    Tell whether no axis of an array has a shorter stride than one after it.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    bool
        Whatever is computed from such arrays alone is in C order.
    """
    if array.flags.c_contiguous:
        return True
    strides = [abs(stride) for stride, n in zip(array.strides, array.shape, strict=True) if n > 1]
    return strides == sorted(strides, reverse=True)


def corners(trace: Trace) -> list[Array]:
    """
    Lay out the first two items along each axis of every value, in the memory order that the whole would have.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    list of ndarray
        By the values' numbers; what is in them means nothing.
    """
    found: dict[int, Array] = {}
    for value in trace.values:
        if value.array is not None:
            found[value.number] = value.array[(slice(0, 2),) * value.array.ndim]
    for loop, arguments, first in trace.entries:
        operands = [found[argument] for argument in arguments if argument >= 0]
        for number in range(first, first + loop.nout):
            shape = tuple([min(n, 2) for n in trace.values[number].shape])
            model = trace.models.get(number)
            if model in (IN_C_ORDER, IN_FORTRAN_ORDER_LIKE):
                is_fortran = model == IN_FORTRAN_ORDER_LIKE and _is_fortran(trace, arguments[0], operands[0])
                found[number] = np.empty(shape, np.bool_, "F" if is_fortran else "C")
            elif model is not None or loop.fn is np.copy:
                found[number] = np.empty_like(operands[0] if model is None else found[model], np.bool_)
            else:
                found[number] = _allocate(operands, shape)
    return [found[number] for number in range(len(found))]


def _is_fortran(trace: Trace, number: int, corner: Array) -> bool:
    """Tell what NumPy's order "A" asks of a value."""
    array = trace.values[number].array
    return bool((corner if array is None else array).flags.fnc)


def _allocate(operands: list[Array], shape: tuple[int, ...]) -> Array:
    """Return what NumPy's iterator allocates for a result of these operands."""
    iterate: Any = np.nditer  # its types know no result that is not given
    flags = [*[["readonly"] for _ in operands], ["writeonly", "allocate"]]
    dtypes = [*[None for _ in operands], np.dtype(np.bool_)]
    iterator = iterate([*operands, None], ["zerosize_ok", "multi_index"], flags, dtypes, order="K", itershape=shape)
    allocated: Array = iterator.operands[-1]
    return allocated


def empty_in_order(shape: tuple[int, ...], dtype: np.dtype[Any], corner: Array) -> Array:
    """
    Allocate an array whose axes are in memory in the order of another's.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    corner : ndarray
        Of as many dimensions.

    Returns
    -------
    ndarray
        Its items are not set.
    """
    outermost_first = sorted(range(len(shape)), key=lambda axis: -abs(corner.strides[axis]) if corner.shape[axis] > 1 else 0)
    memory = np.empty([shape[axis] for axis in outermost_first], dtype)
    return memory.transpose(np.argsort(outermost_first))
