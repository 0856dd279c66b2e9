"""Tracing: placeholders stand for arrays while a function runs, and write down which loops it calls.

A placeholder of an array that the caller gave has that array; what depends on nothing computed is NumPy's to answer at once: a shape, a slice, a maximum.
What is computed is there only when the function has ended, and has a dtype and a shape until then.
"""

import sys

import numpy as np

from lightwork._errors import FuseError

cimport cython
cimport numpy as cnp
from libc.stdlib cimport free, realloc

from lightwork._core.loop cimport Loop, find_loop, npy_intp
from lightwork._core.moves cimport copy_loop, part_loop, select_loop
from lightwork._core.operands cimport would_overflow
from lightwork._core.program cimport CELL

cnp.import_array()

# What np.errstate sets; where it is not to be had, np.geterr tells the same in ten times the time.
errstate_variable = getattr(np._core.umath, "_extobj_contextvar", None)
cdef object current_errstate = np.geterr if errstate_variable is None else errstate_variable.get

cdef extern from "numpy/arrayobject.h":
    int PyArray_Pack(cnp.PyArray_Descr*, void*, object) except -1

cdef enum:
    MAX_DIMENSIONS = 64

cdef object boolean = np.dtype(np.bool_)
cdef object memmap_type = np.memmap
cdef object scalar_type = np.generic
cdef object ufunc_type = np.ufunc

# Methods of arrays that change them.
cdef frozenset mutators = frozenset(
    ["byteswap", "fill", "itemset", "partition", "put", "resize", "setfield", "setflags", "sort"])


class Unfused(Exception):  # noqa: N818 - it is no error: NumPy does it instead
    """What a placeholder meets that only NumPy itself can do, or refuse in its own words."""


# --- Traces ---------------------------------------------------------------------------------------------------------

@cython.final
cdef class Value:
    """An array of the caller's, or what an entry computes."""


@cython.final
cdef class Trace:
    """One run of a function on placeholders. Belongs to the thread that made it."""

    def __cinit__(self):
        self.values = []
        self.entries = []
        self.names = []
        self.modes = []
        self.cells = {}
        self.inputs = {}
        self.models = {}
        self.kept = []
        self.is_uniform = True
        self.errstate = current_errstate()

    def __dealloc__(self):
        free(self.constants)

    cdef Value input(self, object array):
        """The value of an array, the same one each time."""
        cdef Value value
        found = self.inputs.get(id(array))
        if found is not None:
            return <Value> found
        value = new_value(native(array.dtype), array.shape)
        value.array = array
        self.inputs[id(array)] = value
        return value

    cdef int use(self, Value value) except -1:
        """The number of a value, which it gets when it is used first."""
        if value.number < 0:
            value.number = len(self.values)
            if self.values and self.is_uniform:
                self.is_uniform = (<Value> self.values[0]).shape == value.shape
            self.values.append(value)
        return value.number

    cdef int constant(self, object number, object dtype) except? 0:
        """A cell with the number as an item of the dtype; how entries call it."""
        key = (id(number), dtype)
        found = self.cells.get(key)
        if found is not None:
            return found
        if self.n_constants == self.capacity:
            self.grow()
        if not pack(number, dtype, self.constants + self.n_constants * CELL):
            raise self.give_up(f"NumPy has something to say about casting {number!r} to {dtype}")
        self.kept.append(number)  # so that nothing else gets its id
        self.n_constants += 1
        self.cells[key] = -self.n_constants
        return -self.n_constants

    cdef int grow(self) except -1:
        cdef int capacity = max(8, 2 * self.capacity)
        cdef char* larger = <char*> realloc(self.constants, capacity * CELL)
        if larger == NULL:
            raise MemoryError("no memory for the constants of a fused function")
        self.constants = larger
        self.capacity = capacity
        return 0

    cdef object give_up(self, str why):
        """What is raised where NumPy has to do it."""
        return self.remember(Unfused(why))

    cdef object refuse(self, str what, str instead):
        """What is raised where no placeholder can do what an array can."""
        return self.remember(FuseError(f"a fused function cannot {what}{where()}; {instead}"))

    cdef object remember(self, object obstacle):
        """The function may catch it and go on as it would not with arrays, so nothing that comes of it counts."""
        if self.obstacle is None:
            self.obstacle = obstacle
        return obstacle


cdef Value new_value(object dtype, tuple shape):
    cdef Value value = Value.__new__(Value)
    value.dtype = dtype
    value.shape = shape
    value.number = -1
    return value


cdef inline object native(object dtype):
    return dtype if dtype.isnative else dtype.newbyteorder("=")


cdef bint pack(object number, object dtype, char* cell):
    """Write a number as NumPy would cast it; False where that would warn or raise."""
    if isinstance(number, (scalar_type, cnp.ndarray)):
        if not np.can_cast(number.dtype, dtype):
            return False
    elif type(number) is not int and would_overflow(number, dtype):
        return False
    try:
        PyArray_Pack(<cnp.PyArray_Descr*> dtype, cell, number)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


cdef str where():
    """`` (file.py:12, in f)`` of the innermost frame that is neither NumPy's nor ours."""
    frame = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("numpy", "lightwork"):
        frame = frame.f_back
    return "" if frame is None else f" ({frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name})"


# --- What is recorded -----------------------------------------------------------------------------------------------

cdef object operand_of(Trace trace, object operand):
    """A value, or what is a constant: a Python number, a NumPy scalar or a 0-d array."""
    if type(operand) is Placeholder:
        if (<Placeholder> operand).trace is not trace:
            raise trace.refuse("use what another call of it computed", "keep no placeholder, and compute what lasts outside")
        return (<Placeholder> operand).value
    if cnp.PyArray_CheckExact(operand):
        return trace.input(operand) if cnp.PyArray_NDIM(operand) else operand
    if type(operand) is float or type(operand) is int or type(operand) is complex or isinstance(operand, scalar_type):
        return operand
    if type(operand) is bool:
        return np.bool_(operand)
    if type(operand) is list or type(operand) is tuple:
        return operand_of(trace, np.asarray(operand))
    if type(operand) is memmap_type:
        array = operand.view(np.ndarray)
        trace.kept.append(array)
        return operand_of(trace, array)
    raise trace.give_up(f"an operand is a {type(operand).__name__}")


cdef inline object kind_of(object operand):
    """What NumPy's promotion needs of an operand: its dtype, or the type of a Python number, which is weak."""
    if type(operand) is Value:
        return (<Value> operand).dtype
    return operand.dtype if isinstance(operand, (scalar_type, cnp.ndarray)) else type(operand)


cdef tuple common_shape(Trace trace, list operands):
    cdef tuple shape = None
    for operand in operands:
        if type(operand) is Value:
            if shape is None:
                shape = (<Value> operand).shape
            elif shape is not (<Value> operand).shape and shape != (<Value> operand).shape:
                shape = broadcast(trace, shape, (<Value> operand).shape)
    return shape


cdef tuple broadcast(Trace trace, tuple a, tuple b):
    cdef list shape
    cdef Py_ssize_t i, n
    if len(a) < len(b):
        a, b = b, a
    shape = list(a)
    for i in range(len(b)):
        n = len(a) - len(b) + i
        if shape[n] == 1:
            shape[n] = b[i]
        elif b[i] != 1 and b[i] != shape[n]:
            raise trace.give_up(f"shapes {a} and {b} do not fit")
    return tuple(shape)


cdef int argument(Trace trace, object operand, object dtype) except? 0:
    return trace.use(<Value> operand) if type(operand) is Value else trace.constant(operand, dtype)


cdef list enter(Trace trace, Loop loop, list operands, tuple shape, str name):
    """Write an entry; the values that it computes."""
    cdef int i
    cdef tuple arguments = tuple([argument(trace, operands[i], loop.dtypes[i]) for i in range(loop.nin)])
    cdef list computed = [new_value(loop.dtypes[loop.nin + i], shape) for i in range(loop.nout)]
    errstate = current_errstate()
    trace.entries.append((loop, arguments, len(trace.values)))
    trace.names.append(name)
    trace.modes.append(None if errstate is trace.errstate or errstate == trace.errstate else (np.geterr(), np.geterrcall()))
    for value in computed:
        trace.use(value)
    return computed


cdef object placeholder(Trace trace, Value value):
    cdef Placeholder made = Placeholder.__new__(Placeholder)
    made.trace = trace
    made.value = value
    return made


cdef object record(Trace trace, object ufunc, tuple inputs, tuple outputs, object dtype):
    """A call of a ufunc: placeholders of what it computes, or those given as outputs."""
    cdef int i
    cdef Loop loop
    cdef list operands = [operand_of(trace, operand) for operand in inputs]
    cdef list parts = [ufunc, dtype]
    for operand in operands:
        parts.append(kind_of(operand))
    for i in range(ufunc.nout):
        parts.append(None if outputs is None or outputs[i] is None else (<Placeholder> outputs[i]).value.dtype)
    loop = find_loop(ufunc, tuple(parts))
    if loop is None:
        raise trace.give_up(f"np.{ufunc.__name__} has no loop for these dtypes that runs without the GIL")
    shape = common_shape(trace, operands)
    if outputs is not None:
        shape = output_shape(trace, shape, outputs)
    computed = enter(trace, loop, operands, shape, loop.name)
    if outputs is not None:
        return settle(trace, computed, outputs)
    if loop.nout == 1:
        return placeholder(trace, computed[0])
    return tuple([placeholder(trace, value) for value in computed])


cdef tuple output_shape(Trace trace, tuple shape, tuple outputs):
    """The shape of the outputs, which may be larger than that of the inputs."""
    cdef Placeholder output
    for given in outputs:
        if given is not None:
            output = given
            if shape is not None and broadcast(trace, shape, output.value.shape) != output.value.shape:
                raise trace.give_up("an output is too small")
            shape = output.value.shape
    return shape


cdef object settle(Trace trace, list computed, tuple outputs):
    """Let the placeholders given as outputs stand for what was computed, in their own dtypes."""
    cdef Placeholder output
    cdef Value value
    cdef list results = []
    for i, value in enumerate(computed):
        output = outputs[i]
        if output is None:
            results.append(placeholder(trace, value))
            continue
        if output.value.dtype != value.dtype:
            value = enter(trace, copy_loop(output.value.dtype), [value], value.shape, None)[0]
        trace.models[value.number] = output.value.number
        output.value = value
        results.append(output)
    return results[0] if len(results) == 1 else tuple(results)


cdef tuple own_outputs(Trace trace, object ufunc, object out):
    """The placeholders given as `out`; FuseError for anything that is not the function's own."""
    cdef Value value
    if not isinstance(out, tuple):
        out = (out,)
    for output in out:
        if type(output) is Placeholder and (<Placeholder> output).value.array is None:
            value = operand_of(trace, output)
            if value.has_parts or value.whole is not None:
                raise trace.give_up("a part of an array is written to")
        elif output is not None:
            raise trace.refuse(f"write into an array that it did not compute, with np.{ufunc.__name__}",
                               "give the result a name of its own (x = x + 1 instead of x += 1)")
    return <tuple> out


cdef object select(Trace trace, object condition, object x, object y):
    """np.where(condition, x, y)."""
    cdef list operands = [operand_of(trace, operand) for operand in (condition, x, y)]
    dtype = np.result_type(*[(<Value> operand).dtype if type(operand) is Value else operand for operand in operands[1:]])
    loop = select_loop(dtype) if dtype.kind in "biufcmM" else None
    if loop is None:
        raise trace.give_up("np.where has no loop for these dtypes that runs without the GIL")
    return placeholder(trace, enter(trace, loop, operands, common_shape(trace, operands), "")[0])


cdef object convert(Trace trace, object operand, object dtype, tuple shape):
    """A copy of the operand in another dtype, by astype's rules."""
    loop = copy_loop(dtype) if dtype.kind in "biufcmM" and dtype.isnative else None
    if loop is None:
        raise trace.give_up(f"astype({dtype}) has no loop that runs without the GIL")
    return placeholder(trace, enter(trace, loop, [operand], shape, "cast")[0])


# --- Placeholders ---------------------------------------------------------------------------------------------------

cdef str NEEDS_VALUES = "values are there when it has returned: use np.where, np.minimum and the like, or do this outside"

# What functions that are no ufuncs mean on placeholders; functions.py fills it.
cdef dict meanings = {}


def means(function):
    """
    Decorate what a function of NumPy's, or a method of arrays by its name, does to placeholders.

    Parameters
    ----------
    function : callable or str
        The function or the name.

    Returns
    -------
    callable
        The decorator.
    """
    def enter_meaning(meaning):
        meanings[function] = meaning
        return meaning
    return enter_meaning


cdef inline bint is_simple(object operand):
    """Whether no __array_ufunc__ but ours has a say."""
    return (type(operand) is Placeholder or type(operand) is float or type(operand) is int or cnp.PyArray_CheckExact(operand)
            or isinstance(operand, scalar_type))


cdef object binary(object ufunc, object a, object b):
    cdef Trace trace = (<Placeholder> a).trace if type(a) is Placeholder else (<Placeholder> b).trace
    return record(trace, ufunc, (a, b), None, None) if is_simple(a) and is_simple(b) else ufunc(a, b)


cdef object in_place(object ufunc, Placeholder self, object other):
    """``self += other`` and the like; what `self` stands for from now on."""
    return record(self.trace, ufunc, (self, other), own_outputs(self.trace, ufunc, self), None)


cdef object power(object a, object b, object c):
    """``a ** b``, for which NumPy has ufuncs of their own where the exponent is a certain number."""
    if c is not None:
        raise TypeError("pow() of arrays takes no modulus")
    if type(a) is Placeholder and (type(b) is int or type(b) is float):
        ufunc = meanings["**"]((<Placeholder> a).value.dtype, b)
        if ufunc is not None:
            return record((<Placeholder> a).trace, ufunc, (a,), None, None)
    return binary(np.power, a, b)


cdef object add = np.add, subtract = np.subtract, multiply = np.multiply, divide = np.divide, negative = np.negative


@cython.final
cdef class Placeholder:
    """
    Stands for an array while a fused function runs.

    Attributes
    ----------
    dtype : numpy.dtype
    shape : tuple of int
    """

    __array_priority__ = 1e6
    __hash__ = None

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
        return int(np.prod(self.value.shape, dtype=np.intp))

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
        return meanings["real"](self) if self.value.array is None else self.share(self.value.array.real)

    @property
    def imag(self):
        """As the array's, of which it may be a part."""
        return self.call_method("imag", (), {}) if self.value.array is None else self.share(self.value.array.imag)

    def __len__(self):
        return self.value.shape[0]

    def __repr__(self):
        return f"<placeholder of {self.dtype}, shape {self.shape}>"

    # NumPy's protocols

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, dtype=None, where=True, **keywords):
        if method != "__call__" or ufunc.signature is not None:
            name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            raise self.trace.refuse(f"call np.{name}", "it is not elementwise: do this outside, or see the methods of fused functions")
        if where is not True:
            raise self.trace.refuse(f"call np.{ufunc.__name__} with where=", "use np.where(condition, x, y)")
        if keywords.pop("casting", "same_kind") != "same_kind" or keywords.pop("order", "K") != "K" or keywords.pop("subok", True) is not True or keywords:
            raise self.trace.give_up(f"np.{ufunc.__name__} is called with keywords that are no matter of its loop")
        outputs = None if out is None else own_outputs(self.trace, ufunc, out)
        return record(self.trace, ufunc, inputs, outputs, None if dtype is None else np.dtype(dtype))

    def __array_function__(self, function, types, args, kwargs):
        meaning = meanings.get(function)
        if meaning is None:
            return self.ask_numpy(function, args, kwargs)
        result = meaning(*args, **kwargs)
        if result is NotImplemented:
            raise self.trace.give_up(f"np.{function.__name__} with these arguments is more than ufuncs")
        return result

    def __array__(self, dtype=None, copy=None):
        raise self.trace.refuse("make an array of a placeholder", "it already is as good as one: leave np.asarray and functions that call it out")

    cdef object ask_numpy(self, object function, tuple args, dict kwargs):
        """What NumPy answers for the caller's own arrays, which are there."""
        name = getattr(function, "__name__", repr(function))
        if name in ("copyto", "put", "place", "putmask", "fill_diagonal", "put_along_axis") or kwargs.get("out") is not None:
            raise self.trace.refuse(f"call np.{name} to write into an array", "give the result a name of its own")
        try:
            args = tuple([arrays_of(argument) for argument in args])
            kwargs = {key: arrays_of(argument) for key, argument in kwargs.items()}
        except LookupError:
            raise self.trace.refuse(f"call np.{name} on what it computed", "it is not elementwise: do this outside") from None
        return self.share(function(*args, **kwargs))

    cdef object call_method(self, str name, tuple args, dict kwargs):
        """A method that makes something new of every item."""
        result = meanings[name](self, *args, **kwargs)
        if result is NotImplemented:
            raise self.trace.give_up(f".{name} with these arguments is more than ufuncs")
        return result

    cdef object share(self, object result):
        """A placeholder if the result is a part of the array."""
        if cnp.PyArray_CheckExact(result) and np.may_share_memory(result, self.value.array):
            return new_input(self.trace, result) if result.ndim else result
        return result

    def __getattr__(self, name):
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a placeholder has no attribute {name!r}")
        if name in meanings:
            return lambda *args, **kwargs: self.call_method(name, args, kwargs)
        if self.value.array is None or name in mutators:
            raise self.trace.refuse(f"use .{name} of {'a computed' if self.value.array is None else 'an'} array", NEEDS_VALUES)
        found = getattr(self.value.array, name)
        if callable(found):
            return lambda *args, **kwargs: self.ask_numpy(found, args, kwargs)
        return self.share(found)

    # What an array of the caller's answers, and a computed one cannot

    def __getitem__(self, index):
        if self.value.array is None:
            raise self.trace.refuse("index what it computed", "index its arguments, or compute the parts in functions of their own")
        try:
            return self.share(self.value.array[arrays_of(index)])
        except LookupError as error:
            if isinstance(error, IndexError):
                raise
            raise self.trace.refuse("index an array by what it computed", "use np.where(condition, x, y)") from None

    def __iter__(self):
        if self.value.array is None:
            raise self.trace.refuse("iterate over what it computed", NEEDS_VALUES)
        return iter([self[i] for i in range(len(self))])

    def __setitem__(self, index, value):
        """``y[mask] = number`` of something computed."""
        if (self.value.array is None and type(index) is Placeholder and (<Placeholder> index).dtype == boolean
                and (<Placeholder> index).shape == self.shape and np.ndim(value) == 0):
            operand_of(self.trace, own_outputs(self.trace, np.copyto, self)[0])
            number = np.empty((), self.dtype)
            number[()] = value  # cast, warned of and refused as NumPy does
            settle(self.trace, [(<Placeholder> select(self.trace, index, number, self)).value], (self,))
        else:
            raise self.trace.refuse("assign to parts of an array", "use np.where(condition, x, y)")

    def __bool__(self):
        raise self.trace.refuse("branch on the values of an array", NEEDS_VALUES)

    def __float__(self):
        raise self.trace.refuse("make a Python number of an array", "use NumPy's functions, as np.sqrt for math.sqrt; " + NEEDS_VALUES)

    def __int__(self):
        return float(self)

    def __complex__(self):
        return float(self)

    def __index__(self):
        return float(self)

    def __contains__(self, item):
        return bool(self)

    # Operators, which are ufuncs

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
        return record(self.trace, negative, (self,), None, None)

    def __pos__(self):
        return record(self.trace, np.positive, (self,), None, None)

    def __abs__(self):
        return record(self.trace, np.absolute, (self,), None, None)

    def __invert__(self):
        return record(self.trace, np.invert, (self,), None, None)

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
        ufunc = meanings["**"](self.value.dtype, other) if type(other) is int or type(other) is float else None
        if ufunc is None:
            return in_place(np.power, self, other)
        return record(self.trace, ufunc, (self,), own_outputs(self.trace, ufunc, self), None)


cdef Placeholder new_input(Trace trace, object array):
    return placeholder(trace, trace.input(array))


cdef object arrays_of(object argument):
    """The argument with the caller's arrays in place of their placeholders; LookupError where one of them was computed."""
    if type(argument) is Placeholder:
        if (<Placeholder> argument).value.array is None:
            raise KeyError
        return (<Placeholder> argument).value.array
    if type(argument) is tuple or type(argument) is list:
        return type(argument)([arrays_of(item) for item in argument])
    return argument


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
    return select(trace_of(condition, x, y), condition, x, y)


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
    return placeholder(x.trace, value)


def copy_placeholder(Placeholder x, object dtype, str order="K"):
    """
    Record a copy in another dtype, as ``x.astype(dtype)`` makes it.

    Parameters
    ----------
    x : Placeholder
    dtype : dtype_like
    order : {"K", "C", "A"}
        As for ``ndarray.astype``.

    Returns
    -------
    Placeholder
    """
    copied = convert(x.trace, x.value, np.dtype(dtype), x.shape)
    reorder(copied, order)
    return copied


cdef int reorder(Placeholder computed, str order) except -1:
    """Note that a value is in another memory order than its operands."""
    if order == "C":
        computed.trace.models[computed.value.number] = IN_C_ORDER
        computed.trace.is_reordered = True
    elif order == "A":
        computed.trace.models[computed.value.number] = IN_FORTRAN_ORDER_LIKE
    return 0


def in_order_a(Placeholder computed):
    """
    Note that a value is in Fortran order if what it is computed from is, and else in C order.

    Parameters
    ----------
    computed : Placeholder

    Returns
    -------
    Placeholder
        The same.
    """
    reorder(computed, "A")
    return computed


def fill_placeholder(Placeholder like, object number, object dtype):
    """
    Record an array that is a number everywhere, in the shape of another.

    Parameters
    ----------
    like : Placeholder
    number : scalar
    dtype : dtype_like

    Returns
    -------
    Placeholder
    """
    filled = convert(like.trace, operand_of(like.trace, number), np.dtype(dtype), like.shape)
    like.trace.models[(<Placeholder> filled).value.number] = like.trace.use(like.value)
    return filled


cdef Trace trace_of(a, b, c):
    for operand in (a, b, c):
        if type(operand) is Placeholder:
            return (<Placeholder> operand).trace
    return None
