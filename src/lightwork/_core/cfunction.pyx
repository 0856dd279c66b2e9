"""Loops made of C functions of one item, however Python came by them: ctypes, cffi, SciPy, Numba or a capsule.

A function takes one to four numbers of one type and returns one of the same: ``double (double, double)``. After them it may take a
``void *``, its user data, or Cython's ``int __pyx_skip_dispatch``. It is called without the GIL and from many threads at once.
"""

import ctypes
import re

import numpy as np

cimport cython
from cpython.pycapsule cimport PyCapsule_CheckExact, PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport uintptr_t

from lightwork._core.cache cimport Cache
from lightwork._core.loop cimport Loop, StridedLoop
from lightwork._core.modules cimport imported

cdef extern from * nogil:
    """
    #include <cstddef>
    #include <cstdint>
    #include <utility>

    struct lw_function {
        void* address;
        void* user_data;
    };

    enum lw_tail { LW_NO_TAIL, LW_USER_DATA, LW_SKIP_DISPATCH };

    template <class T, lw_tail Tail, std::size_t... I> struct lw_scalar_loop {
        template <std::size_t> using argument = T;

        static inline T call(const lw_function* f, char* const* data, const Py_ssize_t* strides, Py_ssize_t i) {
            if constexpr (Tail == LW_USER_DATA)
                return reinterpret_cast<T (*)(argument<I>..., void*)>(f->address)(*(T*)(data[I] + i * strides[I])..., f->user_data);
            else if constexpr (Tail == LW_SKIP_DISPATCH)
                return reinterpret_cast<T (*)(argument<I>..., int)>(f->address)(*(T*)(data[I] + i * strides[I])..., 0);
            else
                return reinterpret_cast<T (*)(argument<I>...)>(f->address)(*(T*)(data[I] + i * strides[I])...);
        }

        static int run(void* context, char* const* data, const Py_ssize_t* dimensions, const Py_ssize_t* strides, NpyAuxData_tag*) {
            const lw_function* f = static_cast<const lw_function*>(context);
            constexpr std::size_t out = sizeof...(I);
            for (Py_ssize_t i = 0; i < dimensions[0]; i++) *(T*)(data[out] + i * strides[out]) = call(f, data, strides, i);
            return 0;
        }
    };

    template <class T, lw_tail Tail, std::size_t... I> static lw_strided_loop* lw_pick_loop(std::index_sequence<I...>) {
        return lw_scalar_loop<T, Tail, I...>::run;
    }

    template <class T, lw_tail Tail> static lw_strided_loop* lw_pick_arity(int arity) {
        switch (arity) {
            case 1: return lw_pick_loop<T, Tail>(std::make_index_sequence<1>());
            case 2: return lw_pick_loop<T, Tail>(std::make_index_sequence<2>());
            case 3: return lw_pick_loop<T, Tail>(std::make_index_sequence<3>());
            case 4: return lw_pick_loop<T, Tail>(std::make_index_sequence<4>());
            default: return nullptr;
        }
    }

    template <class T> static lw_strided_loop* lw_pick_tail(int tail, int arity) {
        switch (tail) {
            case LW_USER_DATA: return lw_pick_arity<T, LW_USER_DATA>(arity);
            case LW_SKIP_DISPATCH: return lw_pick_arity<T, LW_SKIP_DISPATCH>(arity);
            default: return lw_pick_arity<T, LW_NO_TAIL>(arity);
        }
    }

    /* By NumPy's character for the type; nullptr for what is not offered. */
    static lw_strided_loop* lw_pick(char type, int tail, int arity) {
        switch (type) {
            case 'd': return lw_pick_tail<double>(tail, arity);
            case 'f': return lw_pick_tail<float>(tail, arity);
            case 'i': return lw_pick_tail<std::int32_t>(tail, arity);
            case 'l': return lw_pick_tail<std::int64_t>(tail, arity);
            default: return nullptr;
        }
    }
    """
    ctypedef struct Function "lw_function":
        void* address
        void* user_data
    enum:
        NO_TAIL "LW_NO_TAIL"
        USER_DATA "LW_USER_DATA"
        SKIP_DISPATCH "LW_SKIP_DISPATCH"
    StridedLoop* pick_loop "lw_pick"(char type, int tail, int arity)

_EXPECTED = (
    "a C function of one item: T (T), T (T, T), T (T, T, T) or T (T, T, T, T) with T one of double, float, int32_t and int64_t, "
    "and optionally a last 'void *' for user data"
)

_TYPES = {
    "double": "d",
    "float": "f",
    "int": "i",
    "int32_t": "i",
    "long": "l" if ctypes.sizeof(ctypes.c_long) == 8 else "i",
    "long long": "l",
    "int64_t": "l",
}

# A type that is offered, and perhaps a name, which is no word of another type.
_ARGUMENT = (
    r"(?:const )?(double|float|int32_t|int64_t|long long|long|int|void \*)(?: const)?"
    r"(?: (?!(?:int|long|short|unsigned|signed|double|complex|_Complex)\b)\w+)?"
)

_DTYPES = {"d": np.dtype(np.float64), "f": np.dtype(np.float32), "i": np.dtype(np.int32), "l": np.dtype(np.int64)}

_CTYPES = {
    ctypes.c_double: "double",
    ctypes.c_float: "float",
    ctypes.c_int32: "int32_t",
    ctypes.c_int64: "int64_t",
    ctypes.c_longlong: "long long",
    ctypes.c_void_p: "void *",
    None: "void",
}

# Loops by (address, user data, signature), each keeping its function alive; what an item costs is learned once for each.
cdef Cache known_loops = Cache.__new__(Cache, 256)


@cython.internal
@cython.final
cdef class Context:
    """What a loop's context pointer points to, and what must live as long."""

    cdef Function function
    cdef object owner


cdef tuple parse(str signature):
    """Type character, arity and tail of ``"double (double, void *)"``; TypeError for what is not offered."""
    match = re.fullmatch(r"\s*([\w ]+?)\s*\((.*)\)\s*", signature)
    types = [] if match is None else [type_name(argument) for argument in match[2].split(",")]
    tail = NO_TAIL
    if types and types[len(types) - 1] == "void *":
        tail = USER_DATA
    elif match is not None and match[2].rstrip().endswith("__pyx_skip_dispatch"):
        tail = SKIP_DISPATCH
    numbers = types if tail == NO_TAIL else types[: len(types) - 1]
    kind = _TYPES.get(type_name(match[1])) if match else None
    if kind is None or not 1 <= len(numbers) <= 4 or any([_TYPES.get(number) != kind for number in numbers]):
        raise TypeError(f"chunked_map() was given a C function of signature {signature!r}; it takes {_EXPECTED}")
    return kind, len(numbers), tail


cdef str type_name(str argument):
    """``"double"`` of ``"const double x"``: a type without the name of its argument; anything else as it stands."""
    words = " ".join(argument.replace("*", " * ").split())
    match = re.fullmatch(_ARGUMENT, words)
    return words if match is None else match[1]


cdef object from_ctypes(object fn):
    """(address, user data, signature) of a ctypes function pointer."""
    if fn.argtypes is None:
        raise TypeError(f"chunked_map() cannot tell the arguments of {fn!r}; set its argtypes and restype: it takes {_EXPECTED}")
    if fn._flags_ & 4:  # FUNCFLAG_PYTHONAPI
        raise TypeError(f"{fn!r} needs the GIL (it comes from ctypes.PyDLL or PYFUNCTYPE); load it by ctypes.CDLL")
    names = [_CTYPES.get(kind, repr(kind)) for kind in (fn.restype, *fn.argtypes)]
    return ctypes.cast(fn, ctypes.c_void_p).value, 0, f"{names[0]} ({', '.join(names[1:])})"


cdef object from_capsule(object capsule):
    cdef const char* name = PyCapsule_GetName(capsule)
    if name == NULL:
        raise TypeError(f"chunked_map() was given a capsule without a name, which should be its signature: it takes {_EXPECTED}")
    return <uintptr_t> PyCapsule_GetPointer(capsule, name), <uintptr_t> PyCapsule_GetContext(capsule), name.decode()


cdef object from_numba(object fn):
    try:
        pointer = fn.ctypes
    except TypeError:  # ctypes has no such type
        raise TypeError(f"chunked_map() was given {fn!r} of types that ctypes does not have; it takes {_EXPECTED}") from None
    return from_ctypes(pointer)


cdef object from_cffi(object backend, object fn):
    kind = backend.typeof(fn)
    if kind.kind != "function":
        raise TypeError(f"chunked_map() was given a cffi {kind.cname!r}; it takes {_EXPECTED}")
    address = int(backend.cast(backend.new_primitive_type("uintptr_t"), fn))
    return address, 0, kind.cname.replace("(*)", " ")


cdef object describe(object fn):
    """(address, user data, signature) of anything known to be a C function; None for everything else."""
    if isinstance(fn, ctypes._CFuncPtr):
        return from_ctypes(fn)
    if PyCapsule_CheckExact(fn):
        return from_capsule(fn)
    # Whoever has such an object has imported the module that makes it.
    scipy = imported("scipy._lib._ccallback")
    if scipy is not None and isinstance(fn, scipy.LowLevelCallable):
        return from_capsule(tuple.__getitem__(fn, 0))
    numba = imported("numba.core.ccallback")
    if numba is not None and isinstance(fn, numba.CFunc):
        return from_numba(fn)
    cffi = imported("_cffi_backend")
    if cffi is not None and isinstance(fn, cffi._CDataBase):
        return from_cffi(cffi, fn)
    return None


cdef Loop new_c_loop(object fn, tuple key):
    cdef uintptr_t address = key[0], user_data = key[1]
    kind, arity, tail = parse(key[2])
    if user_data != 0 and tail != USER_DATA:
        raise TypeError(f"user data was given for a C function of signature {key[2]!r}, which takes none; add a last 'void *' argument")
    cdef Context context = Context.__new__(Context)
    context.function.address = <void*> address
    context.function.user_data = <void*> user_data
    context.owner = fn
    cdef Loop loop = Loop.__new__(Loop)
    loop.fn = fn
    loop.dtypes = (_DTYPES[kind],) * (arity + 1)
    loop.nin = arity
    loop.nout = 1
    loop.name = getattr(fn, "__name__", None) or "C function"
    loop.may_raise = False
    loop.function = pick_loop(ord(kind), tail, arity)
    loop.context = &context.function
    loop.auxdata = NULL
    loop.owner = context
    return loop


cdef Loop find_c_loop(object fn):
    """The loop of a C function; None if `fn` is nothing of the kind, TypeError if it is one that cannot be called so."""
    key = describe(fn)
    if key is None:
        return None
    if not key[0]:
        raise TypeError(f"chunked_map() was given a null function pointer: {fn!r}")
    loop = known_loops.get(key)
    return known_loops.keep(key, new_c_loop(fn, key)) if loop is ... else loop
