"""Placeholders: what a fused function gets in place of its arrays.

A placeholder of an array that the caller gave has that array; what depends on nothing computed is NumPy's to answer at once: a shape, a slice, a
maximum. What is computed is there only when the function has returned, and has a dtype and a shape until then.
"""

import numpy as np

from lightwork.arrays.fused_reductions import Reductions

cimport cython
cimport numpy as cnp

from lightwork.arrays.operators cimport Operators, call_ufunc
from lightwork.arrays.entries cimport own_outputs, select, settle
from lightwork.arrays.trace cimport Reference, Trace

cnp.import_array()

cdef str AFTERWARDS = "its values are there when it has returned: use np.where, np.minimum and the like, or do this outside"

# Methods of arrays that change them, and functions that change their first argument.
cdef frozenset mutators = frozenset([
    ".byteswap", ".fill", ".partition", ".put", ".resize", ".setfield", ".setflags", ".sort",
    "np.copyto", "np.fill_diagonal", "np.place", "np.put", "np.put_along_axis", "np.putmask",
])

cdef frozenset shapers = frozenset(["T", "mT", "diagonal", "flatten", "ravel", "repeat", "reshape", "squeeze", "swapaxes", "take", "transpose"])

cdef dict others = {"fix": "use np.trunc, which does the same", "piecewise": "use np.select, or np.where"}

cdef frozenset memories = frozenset(["base", "ctypes", "data", "flags", "strides"])


cdef str advice(str name, str otherwise):
    """What to do instead of what stands by this name in NumPy."""
    if hasattr(Reductions, name):
        return f"have it return what is to be reduced, and call .{name}(...) of the fused function, or do this outside"
    if name in others:
        return others[name]
    if name in shapers:
        return "do this to its arguments, or to what it returns"
    if name in memories:
        return "there is no memory yet: ask its arguments, or what it returns"
    return otherwise


# What functions that are no ufuncs, and methods by their names, do to placeholders.
cdef dict meanings = {}


def teach(table):
    """
    Tell placeholders what functions of NumPy's that are no ufuncs do to them.

    Parameters
    ----------
    table : dict
        By function, or name of a method, what is called instead. It answers NotImplemented where NumPy has to do it.
    """
    meanings.update(table)


@cython.final
cdef class Placeholder(Operators):
    """
    Stands for an array while a fused function runs.

    Attributes
    ----------
    dtype : numpy.dtype
    shape : tuple of int
    ndim, size, itemsize, nbytes : int
    real, imag : Placeholder
    """

    __array_priority__ = 1e6

    @property
    def __class__(self):
        """The array's class, so that ``isinstance(x, np.ndarray)`` is answered as for the array."""
        return np.ndarray

    def __repr__(self):
        return f"<placeholder of {self.dtype}, shape {self.shape}>"

    @property
    def dtype(self):
        """As the array's."""
        return self.value.dtype if self.value.array is None else self.value.array.dtype

    @property
    def shape(self):
        """As the array's."""
        return self.value.shape

    @property
    def ndim(self):
        """As the array's."""
        return len(self.value.shape)

    @property
    def size(self):
        """As the array's."""
        size = 1
        for n in self.value.shape:
            size *= n
        return size

    @property
    def itemsize(self):
        """As the array's."""
        return self.value.dtype.itemsize

    @property
    def nbytes(self):
        """As the array's."""
        return self.size * self.itemsize

    @property
    def real(self):
        """As the array's, of which it may be a part."""
        return self.call_method("real", (), {}) if self.value.array is None else self.share(self.value.array.real)

    @property
    def imag(self):
        """As the array's, of which it may be a part; of real numbers it is an array of zeros that nobody may write to."""
        return self.call_method("imag", (), {}) if self.value.array is None else new_input(self.trace, self.value.array.imag)

    # --- NumPy's protocols ---

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, dtype=None, where=True, **keywords):
        ufunc = getattr(ufunc, "ufunc", ufunc)  # Numba's have one inside
        if method != "__call__" or ufunc.signature is not None:
            given = {"out": out, "dtype": dtype, "where": None if where is True else where}
            return self.ask_ufunc(ufunc, method, inputs, keywords | {key: value for key, value in given.items() if value is not None})
        if where is not True and out is None:
            raise self.trace.refuse(f"call np.{ufunc.__name__} with where= and no out=", "use np.where(condition, x, y), or out=np.zeros_like(x)")
        if keywords:
            raise self.trace.give_up(f"np.{ufunc.__name__} is called with {', '.join(keywords)}")
        outputs = None if out is None else own_outputs(self.trace, ufunc.__name__, out)
        return call_ufunc(self, ufunc, inputs, outputs, None if dtype is None else np.dtype(dtype), None if where is True else where)

    def __array_function__(self, function, types, args, kwargs):
        meaning = meanings.get(function)
        if meaning is None:
            return self.ask_numpy(f"np.{function.__name__}", function, args, kwargs)
        result = meaning(*args, **kwargs)
        if result is NotImplemented:
            raise self.trace.give_up(f"np.{function.__name__} with these arguments is more than ufuncs")
        return result

    def __array__(self, dtype=None, copy=None):
        raise self.trace.refuse("make an array of a placeholder, as np.asarray does and what is not NumPy's",
                                "leave np.asarray out, call other libraries outside, and write nothing into arrays from around the function")

    def __getattr__(self, name):
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a placeholder has no attribute {name!r}")
        if name in meanings:
            return lambda *args, **kwargs: self.call_method(name, args, kwargs)
        if self.value.array is None:
            raise self.trace.refuse(f"use .{name} of what it computed", advice(name, AFTERWARDS))
        found = getattr(self.value.array, name)
        if callable(found):
            return lambda *args, **kwargs: self.ask_numpy(f".{name}", found, args, kwargs)
        return self.share(found)

    cdef object call_method(self, str name, tuple args, dict kwargs):
        """A method that makes something new of every item."""
        result = meanings[name](self, *args, **kwargs)
        if result is NotImplemented:
            raise self.trace.give_up(f".{name} with these arguments is more than ufuncs")
        return result

    cdef object ask_numpy(self, str name, object function, tuple args, dict kwargs):
        """What NumPy answers for the caller's own arrays, which are there."""
        if name in mutators or kwargs.get("out") is not None:
            raise self.trace.refuse(f"call {name} to write into an array", "give the result a name of its own")
        try:
            args = tuple([arrays_of(argument) for argument in args])
            kwargs = {key: arrays_of(argument) for key, argument in kwargs.items()}
        except Computed:
            unknown = "it is not elementwise, as far as is known: do this outside"
            raise self.trace.refuse(f"call {name} on what it computed", advice(name.rpartition(".")[2], unknown)) from None
        return self.share(function(*args, **kwargs))

    cdef object ask_ufunc(self, object ufunc, str method, tuple inputs, dict keywords):
        """The same of a ufunc that is not elementwise, or of its methods."""
        cdef str name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        if method == "at":
            raise self.trace.refuse(f"call np.{name} to write into an array", "do this outside")
        return self.ask_numpy(f"np.{name}", getattr(ufunc, method), inputs, keywords)

    cdef object share(self, object result):
        """A placeholder if the result is a part of an array of the caller's; what is NumPy's answer otherwise."""
        if cnp.PyArray_CheckExact(result) and cnp.PyArray_NDIM(result) and result.base is not None:
            return new_input(self.trace, result)
        return result

    # --- What an array of the caller's answers, and one that is computed cannot ---

    def __len__(self):
        return self.value.shape[0]

    def __getitem__(self, index):
        if self.value.array is None:
            raise self.trace.refuse("index what it computed", "index its arguments, or compute the parts in functions of their own")
        try:
            return self.share(self.value.array[arrays_of(index)])
        except Computed:
            raise self.trace.refuse("index an array by what it computed", "use np.where(condition, x, y)") from None

    def __iter__(self):
        if self.value.array is None:
            raise self.trace.refuse("iterate over what it computed", AFTERWARDS)
        return iter([self[i] for i in range(len(self))])

    def __setitem__(self, index, value):
        if not isinstance(index, Reference) or index.dtype != np.bool_ or index.shape != self.shape or np.ndim(value):
            raise self.trace.refuse("assign to parts of an array, but for y[condition] = number",
                                    "use np.where(condition, x, y), or np.full_like for an array of one value")
        if self.value.array is not None:
            raise self.trace.refuse("assign to parts of an array that it did not compute", "use np.where(condition, number, x)")
        outputs = own_outputs(self.trace, "copyto", self)
        number = np.empty((), self.dtype)
        number[()] = value  # cast, warned of and refused as NumPy does
        settle(self.trace, [select(self.trace, index, number, self)], outputs)

    def __bool__(self):
        raise self.trace.refuse("branch on the values of an array", AFTERWARDS)

    def __contains__(self, item):
        raise self.trace.refuse("look for a value in an array", AFTERWARDS)

    def __float__(self):
        raise self.trace.refuse("make a Python number of an array, as float() and the math module do", "use NumPy's functions, such as np.sqrt")

    def __int__(self):
        return float(self)

    def __complex__(self):
        return float(self)

    def __index__(self):
        return float(self)


class Computed(Exception):  # noqa: N818 - it is said, and answered, in here
    """An argument is not there yet."""


cdef Placeholder new_input(Trace trace, object array):
    return <Placeholder> trace.refer(trace.input(array))


cdef object arrays_of(object argument):
    """The argument with the caller's arrays in place of their placeholders."""
    if isinstance(argument, Reference):
        if (<Reference> argument).value.array is None:
            raise Computed
        return (<Reference> argument).value.array
    if type(argument) is tuple or type(argument) is list:
        return type(argument)([arrays_of(item) for item in argument])
    return argument
