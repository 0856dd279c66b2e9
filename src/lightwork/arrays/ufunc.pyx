"""A ufunc on every core: NumPy's in all that can be seen of it, but for the threads."""

import numpy as np

from lightwork.arrays.operand import NO_VALUE, is_shareable
from lightwork.arrays.outputs import DECLINED
from lightwork.arrays.reductions import try_reduction
from lightwork.arrays.scans import share_scan

cimport cython
cimport numpy as cnp

from lightwork.arrays.application cimport map_ufunc

cnp.import_array()

cdef dict known = {}


def on_every_core(cnp.ufunc ufunc not None):
    """
    The parallel twin of a ufunc, always the same for the same one.

    Parameters
    ----------
    ufunc : numpy.ufunc
        An elementwise one: NumPy's, ``scipy.special``'s, or the result of ``np.frompyfunc``, which NumPy itself will run.

    Returns
    -------
    Ufunc

    Raises
    ------
    TypeError
        For anything that is no ufunc.
    """
    cdef Ufunc twin = known.get(ufunc)
    if twin is None:
        twin = Ufunc.__new__(Ufunc)
        twin.ufunc = ufunc
        twin = (<object> known).setdefault(ufunc, twin)
    return twin


@cython.final
cdef class Ufunc:
    """
    A ufunc whose calls run on every core, with NumPy's values, dtypes, shapes, warnings and errors.

    Calls, and those that ``outer`` makes, are shared between workers as ``chunked_map`` shares them, ``reduce`` and ``accumulate`` as
    the package's functions of these names. Everything else that a ufunc has (``nin``, ``types``, ``at``, ...) is NumPy's own, and
    NumPy's own call is made where ``casting=``, ``order=``, ``subok=`` or ``signature=`` is given, or ``where=`` without outputs or as
    anything but an array of bool. Foreign arrays that override ``__array_ufunc__`` see NumPy's ufunc, which equals its twin, so that a
    table by ufunc finds both.

    Attributes
    ----------
    ufunc : numpy.ufunc
        NumPy's own.

    Notes
    -----
    Thread-safe. Made by ``on_every_core``.
    """

    cdef readonly cnp.ufunc ufunc

    @property
    def __class__(self):
        """NumPy's, so that ``isinstance(f, np.ufunc)`` is answered as for NumPy's own."""
        return type(self.ufunc)

    def __call__(self, *args, **kwargs):
        cdef cnp.ufunc ufunc = self.ufunc
        cdef tuple arrays = args[:ufunc.nin]
        cdef tuple outputs = args[ufunc.nin:]
        if kwargs and not says_nothing_else(kwargs, ufunc.nout):
            return ufunc(*args, **kwargs)
        out = kwargs.get("out")
        if outputs:
            if "out" in kwargs or len(outputs) > ufunc.nout or not are_arrays(outputs) or ufunc in WARNING_OF_MORE:
                return ufunc(*args, **kwargs)
            out = outputs + (None,) * (ufunc.nout - len(outputs))
        where = kwargs.get("where")
        if where is not None and out is None:
            return ufunc(*args, **kwargs)
        return map_ufunc(ufunc, ufunc, arrays, out, kwargs.get("dtype"), where, 0, 0)

    def outer(self, *args, **kwargs):
        """Apply the ufunc to all pairs of items of two arrays; see ``numpy.ufunc.outer``."""
        if self.ufunc.nin != 2 or len(args) != 2 or not are_arrays(args):
            return self.ufunc.outer(*args, **kwargs)
        a, b = args
        return self(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)

    def reduce(self, *args, **kwargs):
        """Reduce an array along some of its axes, by default the first; see ``numpy.ufunc.reduce``."""
        result = reduce_shared(self.ufunc, *args, **kwargs) if are_known(args, kwargs, REDUCING) else DECLINED
        return self.ufunc.reduce(*args, **kwargs) if result is DECLINED else result

    def accumulate(self, *args, **kwargs):
        """Accumulate the results along an axis, by default the first; see ``numpy.ufunc.accumulate``."""
        result = scan_shared(self.ufunc, *args, **kwargs) if are_known(args, kwargs, SCANNING) else DECLINED
        return self.ufunc.accumulate(*args, **kwargs) if result is DECLINED else result

    def __getattr__(self, str name):
        return getattr(self.ufunc, name)

    def __dir__(self):
        return dir(self.ufunc)

    def __repr__(self):
        return repr(self.ufunc)

    def __eq__(self, other):
        return self.ufunc is (other.ufunc if isinstance(other, Ufunc) else other)

    def __hash__(self):
        return hash(self.ufunc)

    def __reduce__(self):
        return on_every_core, (self.ufunc,)

    @property
    def __doc__(self):
        return self.ufunc.__doc__


#: NumPy warns of a third argument by position, which may be meant as a third input.
cdef tuple WARNING_OF_MORE = (np.maximum, np.minimum)

cdef tuple REDUCING = ("array", "axis", "dtype", "out", "keepdims", "initial", "where")
cdef tuple SCANNING = ("array", "axis", "dtype", "out")


cdef bint are_known(tuple args, dict kwargs, tuple names):
    """Whether these are arguments of a method, each given once, of which the first can be shared; all else is NumPy's to say."""
    return bool(args) and len(args) <= len(names) and is_shareable(args[0]) and kwargs.keys() <= set(names[len(args):])


def reduce_shared(ufunc, array, axis=0, dtype=None, out=None, keepdims=False, initial=NO_VALUE, where=NO_VALUE):
    """What several workers reduce, or DECLINED; with the signature of the method."""
    return try_reduction(ufunc, array, axis, dtype, out, keepdims, initial, where)


def scan_shared(ufunc, array, axis=0, dtype=None, out=None):
    """What several workers accumulate, or DECLINED; with the signature of the method."""
    return share_scan(ufunc, array, axis, dtype, out, 0)


cdef bint says_nothing_else(dict kwargs, int nout):
    """Whether keywords say nothing but where to write, and in which dtype; None for several outputs is an error of NumPy's."""
    for name, value in kwargs.items():
        if name == "where":
            if not cnp.PyArray_CheckExact(value) or cnp.PyArray_TYPE(<cnp.ndarray> value) != cnp.NPY_BOOL:
                return False
        elif name != "dtype" and (name != "out" or (value is None and nout > 1)):
            return False
    return True


cdef bint are_arrays(tuple given):
    for array in given:
        if not cnp.PyArray_CheckExact(array):
            return False
    return True
