"""Tracing: what a function does to its arrays, written down as entries: loops, and the numbers of the values that they read and compute."""

import sys

import numpy as np

from lightwork._errors import FuseError

cimport cython
cimport numpy as cnp
from libc.stdlib cimport free, realloc

from lightwork._core.caster cimport CELL
from lightwork._core.operands cimport would_overflow

cnp.import_array()

# What np.errstate sets; where it is not to be had, np.geterr tells the same in ten times the time.
cdef object errstate_variable = getattr(np._core.umath, "_extobj_contextvar", None)
cdef object ask_errstate = np.geterr if errstate_variable is None else errstate_variable.get

cdef extern from "numpy/arrayobject.h":
    int PyArray_Pack(cnp.PyArray_Descr*, void*, object) except -1

cdef object scalar_type = np.generic


class Unfused(Exception):  # noqa: N818 - it is no error: NumPy does it instead
    """What a placeholder meets that only NumPy itself can do, or refuse in its own words."""


@cython.final
cdef class Value:
    """An array of the caller's, or what an entry computes."""


cdef class Reference:
    """What stands for a value."""


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
        self.errstate = ask_errstate()

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

    cdef object refer(self, Value value):
        """A reference to a value."""
        cdef Reference made = self.kind.__new__(self.kind)
        made.trace = self
        made.value = value
        return made

    cdef object give_up(self, str why):
        """What is raised where NumPy has to do it."""
        return self.remember(Unfused(why))

    cdef object refuse(self, str what, str instead):
        """What is raised where no placeholder can do what an array can."""
        if self.is_over:
            return left_behind()
        return self.remember(FuseError(f"a fused function cannot {what}{where()}; {instead}"))

    cdef object take_obstacle(self):
        """What was remembered, to be raised or dropped: its traceback leads back to the trace, and each would keep the other and all arrays."""
        obstacle, self.obstacle = self.obstacle, None
        return obstacle

    cdef object remember(self, object obstacle):
        """The function may catch it and go on as it would not with arrays, so nothing that comes of it counts."""
        if self.obstacle is None and not self.is_over:
            self.obstacle = obstacle
        return obstacle


cdef object current_errstate():
    return ask_errstate()


cdef object left_behind():
    """What is raised where a placeholder is used that somebody kept."""
    return FuseError(f"a placeholder is used{where()} whose fused function has returned; return what is needed afterwards, in a tuple, list or dict")


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


cdef Trace new_trace(object kind):
    """A trace whose references are of that class."""
    cdef Trace trace = Trace.__new__(Trace)
    trace.kind = kind
    return trace
