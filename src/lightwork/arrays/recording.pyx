"""What functions.py records that is no ufunc: selections, parts, copies and fillings of placeholders."""

import numpy as np

from lightwork._core.moves cimport part_loop
from lightwork.arrays.placeholder cimport Placeholder
from lightwork.arrays.entries cimport convert, enter, operand_of, select
from lightwork.arrays.trace cimport IN_C_ORDER, IN_FORTRAN_ORDER_LIKE, Reference, Value


def where_placeholders(condition, x, y):
    """
    Record ``np.where(condition, x, y)``.

    Parameters
    ----------
    condition, x, y : Placeholder or array_like
        At least one of them a placeholder.

    Returns
    -------
    Placeholder
    """
    cdef Reference one = next(operand for operand in (condition, x, y) if isinstance(operand, Reference))
    return one.trace.refer(select(one.trace, condition, x, y))


def part_placeholder(Placeholder x, str name):
    """
    Record the real or imaginary parts of complex numbers, which are no copy of them.

    Parameters
    ----------
    x : Placeholder
    name : {"real", "imag"}

    Returns
    -------
    Placeholder
    """
    cdef Value value = enter(x.trace, part_loop(x.value.dtype, name == "imag"), [x.value], x.shape, "")[0]
    value.whole = x.value
    value.part = name
    x.value.has_parts = True
    return x.trace.refer(value)


def copy_placeholder(Placeholder x, object dtype, str order="K"):
    """
    Record a copy in another dtype, as ``x.astype(dtype, order)`` makes it.

    Parameters
    ----------
    x : Placeholder
    dtype : dtype_like
    order : {"K", "C", "A"}

    Returns
    -------
    Placeholder
    """
    return in_order(x.trace.refer(convert(x.trace, x.value, np.dtype(dtype), x.shape)), order)


def in_order(Placeholder computed, str order):
    """
    Note in which memory order a value is, seen from what it is computed of.

    Parameters
    ----------
    computed : Placeholder
    order : {"K", "C", "A"}

    Returns
    -------
    Placeholder
        The same.
    """
    if order == "C":
        computed.trace.models[computed.value.number] = IN_C_ORDER
        computed.trace.is_reordered = True
    elif order == "A":
        computed.trace.models[computed.value.number] = IN_FORTRAN_ORDER_LIKE
    return computed


def fill_placeholder(Placeholder like, object number, object dtype):
    """
    Record an array that is a number everywhere, in the shape and memory order of another.

    Parameters
    ----------
    like : Placeholder
    number : scalar
    dtype : dtype_like

    Returns
    -------
    Placeholder
    """
    cdef Value value = convert(like.trace, operand_of(like.trace, number), np.dtype(dtype), like.shape)
    like.trace.models[value.number] = like.trace.use(like.value)
    return like.trace.refer(value)
