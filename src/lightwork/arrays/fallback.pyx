"""Functions that compute what they can, and leave the rest to the function of NumPy's that they stand for."""

import functools
from types import FunctionType

from lightwork.arrays.operand import is_flag
from lightwork.arrays.outputs import DECLINED


def described(numpys):
    """
    Describe a function that stands for one of NumPy's: in NumPy's words, and after the first paragraph what differs.

    Parameters
    ----------
    numpys : callable

    Returns
    -------
    str or None
    """
    if not numpys.__doc__:
        return numpys.__doc__
    summary, _, rest = numpys.__doc__.partition("\n\n")
    body = rest.lstrip("\n")
    indent = body[:len(body) - len(body.lstrip(" "))]
    return (f"{summary}\n\n{indent}Several workers share it where the result is what :func:`numpy.{numpys.__name__}` returns, to the bit; "
            f"all else is NumPy's own call.\n\n{rest}")


def named_after(numpys, ours):
    """A function under the name of NumPy's, which it is called by if it is called with what it does not take."""
    function = FunctionType(ours.__code__, ours.__globals__, numpys.__name__, ours.__defaults__, ours.__closure__)
    function.__kwdefaults__ = ours.__kwdefaults__
    function.__qualname__ = numpys.__qualname__
    return function


def or_numpys(numpys):
    """
    Decorate a function with the signature of one of NumPy's, which is called where ours answers DECLINED.

    NumPy's gets what the caller gave, no more: foreign arrays are asked through ``__array_function__`` about these arguments alone. No Python frame
    of ours lies between, so NumPy's warnings point at the caller's line.

    Parameters
    ----------
    numpys : callable
        NumPy's function, of the same name and signature.

    Returns
    -------
    callable
        The decorator.
    """

    def decorate(ours):
        named = named_after(numpys, ours)

        def function(*args, **kwargs):
            if not is_flag(kwargs.get("keepdims", False)):
                return numpys(*args, **kwargs)
            result = named(*args, **kwargs)
            return numpys(*args, **kwargs) if result is DECLINED else result

        functools.update_wrapper(function, ours, assigned=("__module__",), updated=())
        functools.update_wrapper(function, numpys, assigned=("__name__", "__qualname__"), updated=())
        function.__doc__ = described(numpys)
        return function

    return decorate


class Deferred:
    """A call that is left to the decorator below, so that no frame of ours lies between it and the caller."""

    def __init__(self, function, *args, **kwargs):
        self.function = function
        self.args = args
        self.kwargs = kwargs


def at_callers_line(ours):
    """
    Decorate a function that leaves calls to NumPy: where it returns a ``Deferred`` the call is made, and warnings point at the caller's line.

    Parameters
    ----------
    ours : callable

    Returns
    -------
    callable
        With the same name, signature and docstring.
    """
    def function(*args, **kwargs):
        result = ours(*args, **kwargs)
        return result.function(*result.args, **result.kwargs) if type(result) is Deferred else result

    return functools.update_wrapper(function, ours, updated=())
