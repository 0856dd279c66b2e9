"""Functions that compute what they can, and leave the rest to the function of NumPy's that they stand for."""

import functools

from lightwork.arrays.outputs import DECLINED


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
        def function(*args, **kwargs):
            result = ours(*args, **kwargs)
            return numpys(*args, **kwargs) if result is DECLINED else result

        functools.update_wrapper(function, ours, assigned=("__module__", "__doc__"), updated=())
        functools.update_wrapper(function, numpys, assigned=("__name__", "__qualname__"), updated=())
        return function

    return decorate
