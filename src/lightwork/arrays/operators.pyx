"""The operators of arrays, which are ufuncs: what they do where a reference stands for an array."""

import functools

import numpy as np

cimport numpy as cnp

from lightwork.arrays.entries cimport own_outputs, record
from lightwork.arrays.trace cimport Reference, Trace

cnp.import_array()

cdef object scalar_type = np.generic
cdef object add = np.add, subtract = np.subtract, multiply = np.multiply, divide = np.divide


cdef object call_ufunc(Reference self, object ufunc, tuple inputs, tuple outputs, object dtype, object mask=None):
    """References to what a ufunc computes, those given as outputs among them."""
    cdef Trace trace = self.trace
    cdef list computed = record(trace, ufunc, inputs, outputs, dtype, mask)
    if outputs is None:
        results = [trace.refer(value) for value in computed]
    else:
        results = [trace.refer(value) if output is None else output for value, output in zip(computed, outputs)]
    return results[0] if len(results) == 1 else tuple(results)


cdef inline bint is_simple(object operand):
    """Whether no __array_ufunc__ but ours has a say."""
    return (isinstance(operand, Reference) or type(operand) is float or type(operand) is int or cnp.PyArray_CheckExact(operand)
            or isinstance(operand, scalar_type))


cdef object binary(object ufunc, object a, object b):
    if is_simple(a) and is_simple(b):
        return call_ufunc(a if isinstance(a, Reference) else b, ufunc, (a, b), None, None)
    return ufunc(a, b)


cdef object in_place(object ufunc, Reference self, object other):
    """``self += other`` and the like."""
    return call_ufunc(self, ufunc, (self, other), own_outputs(self.trace, ufunc.__name__, self), None)


class Witness(np.ndarray):
    """An array that keeps which ufuncs NumPy calls for one of its methods or operators."""

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        """Note the ufunc with the operands after the first, and go on with the same array."""
        self.calls.append((ufunc, inputs[1:]))
        return self


def ufuncs_of(dtype, operation):
    """
    Ask NumPy which ufuncs it calls for something that it does to an array.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the array.
    operation : callable
        What to do, as ``lambda array: array.round(2)``.

    Returns
    -------
    list of tuple
        Each ufunc with its operands after the first, in the order of the calls.
    """
    witness = np.ones(1, dtype).view(Witness)
    witness.calls = []
    operation(witness)
    return witness.calls


@functools.lru_cache(maxsize=256, typed=True)
def power_by_number(dtype, exponent):
    """
    Ask which ufunc of one operand NumPy calls for ``x ** exponent``.

    Parameters
    ----------
    dtype : numpy.dtype
        Of ``x``.
    exponent : number

    Returns
    -------
    ufunc or None
        None where it is ``np.power`` itself.
    """
    try:
        ufunc, rest = ufuncs_of(dtype, lambda witness: witness**exponent)[0]
    except (TypeError, ValueError, OverflowError):
        return None
    return None if rest else ufunc


cdef object power_ufunc(object base, object exponent):
    if isinstance(base, Reference) and (type(exponent) is int or type(exponent) is float or isinstance(exponent, np.number)):
        return power_by_number((<Reference> base).value.dtype, exponent)
    return None


cdef object power(object base, object exponent, object modulus):
    if modulus is not None:
        raise TypeError("pow() of arrays takes no modulus")
    ufunc = power_ufunc(base, exponent)
    return binary(np.power, base, exponent) if ufunc is None else call_ufunc(base, ufunc, (base,), None, None)


cdef class Operators(Reference):
    """A reference that can be calculated with."""

    __hash__ = None

    def __add__(self, other):
        return binary(add, self, other)

    def __radd__(self, other):
        return binary(add, other, self)

    def __sub__(self, other):
        return binary(subtract, self, other)

    def __rsub__(self, other):
        return binary(subtract, other, self)

    def __mul__(self, other):
        return binary(multiply, self, other)

    def __rmul__(self, other):
        return binary(multiply, other, self)

    def __truediv__(self, other):
        return binary(divide, self, other)

    def __rtruediv__(self, other):
        return binary(divide, other, self)

    def __floordiv__(self, other):
        return binary(np.floor_divide, self, other)

    def __rfloordiv__(self, other):
        return binary(np.floor_divide, other, self)

    def __mod__(self, other):
        return binary(np.remainder, self, other)

    def __rmod__(self, other):
        return binary(np.remainder, other, self)

    def __divmod__(self, other):
        return binary(np.divmod, self, other)

    def __rdivmod__(self, other):
        return binary(np.divmod, other, self)

    def __pow__(self, other, modulus):
        return power(self, other, modulus)

    def __rpow__(self, other, modulus):
        return power(other, self, modulus)

    def __and__(self, other):
        return binary(np.bitwise_and, self, other)

    def __rand__(self, other):
        return binary(np.bitwise_and, other, self)

    def __or__(self, other):
        return binary(np.bitwise_or, self, other)

    def __ror__(self, other):
        return binary(np.bitwise_or, other, self)

    def __xor__(self, other):
        return binary(np.bitwise_xor, self, other)

    def __rxor__(self, other):
        return binary(np.bitwise_xor, other, self)

    def __lshift__(self, other):
        return binary(np.left_shift, self, other)

    def __rlshift__(self, other):
        return binary(np.left_shift, other, self)

    def __rshift__(self, other):
        return binary(np.right_shift, self, other)

    def __rrshift__(self, other):
        return binary(np.right_shift, other, self)

    def __matmul__(self, other):
        return np.matmul(self, other)

    def __rmatmul__(self, other):
        return np.matmul(other, self)

    def __lt__(self, other):
        return binary(np.less, self, other)

    def __le__(self, other):
        return binary(np.less_equal, self, other)

    def __eq__(self, other):
        return binary(np.equal, self, other)

    def __ne__(self, other):
        return binary(np.not_equal, self, other)

    def __gt__(self, other):
        return binary(np.greater, self, other)

    def __ge__(self, other):
        return binary(np.greater_equal, self, other)

    def __neg__(self):
        return call_ufunc(self, np.negative, (self,), None, None)

    def __pos__(self):
        return call_ufunc(self, np.positive, (self,), None, None)

    def __abs__(self):
        return call_ufunc(self, np.absolute, (self,), None, None)

    def __invert__(self):
        return call_ufunc(self, np.invert, (self,), None, None)

    def __iadd__(self, other):
        return in_place(add, self, other)

    def __isub__(self, other):
        return in_place(subtract, self, other)

    def __imul__(self, other):
        return in_place(multiply, self, other)

    def __itruediv__(self, other):
        return in_place(divide, self, other)

    def __ifloordiv__(self, other):
        return in_place(np.floor_divide, self, other)

    def __imod__(self, other):
        return in_place(np.remainder, self, other)

    def __iand__(self, other):
        return in_place(np.bitwise_and, self, other)

    def __ior__(self, other):
        return in_place(np.bitwise_or, self, other)

    def __ixor__(self, other):
        return in_place(np.bitwise_xor, self, other)

    def __ilshift__(self, other):
        return in_place(np.left_shift, self, other)

    def __irshift__(self, other):
        return in_place(np.right_shift, self, other)

    def __ipow__(self, other, modulus):
        ufunc = power_ufunc(self, other)
        if ufunc is None:
            return in_place(np.power, self, other)
        return call_ufunc(self, ufunc, (self,), own_outputs(self.trace, ufunc.__name__, self), None)
